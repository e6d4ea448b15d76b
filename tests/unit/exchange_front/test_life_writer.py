"""The writer of lives in one go: from few pieces it writes what the plain encoding says."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from floorbroker.exchange.model import VenueEvent
from floorbroker.exchange.wire.forms import FORMS_MAX
from floorbroker.exchange.wire.orders import order_view
from floorbroker.exchange.wire.words import encode
from floorbroker.exchange.wire.writer import OrderWriter
from tests.unit.exchange_front.test_render import MOMENT_NS, a_fill, an_order
from tests.unit.exchange_front.test_writer import AMOUNTS, MOMENTS, NAMES, plain_frame

#: In a second that is told again and again, with and without zeros at their ends.
SOON = st.sampled_from([0, 1, 10, 123_456_789, 120_000_000, 999_999_999, 1_000_000_000]).map(
    (MOMENT_NS - MOMENT_NS % 1_000_000_000).__add__
)
SOME = AMOUNTS.filter(bool)
WORDS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["order-1", "order-2"]),
        "client_order_id": NAMES,
        "symbol": st.sampled_from(["AAPL", "MSFT"]),
        "asset_id": st.sampled_from(["asset-1", "asset-2"]),
        "type": st.sampled_from(["market", "limit"]),
        "side": st.sampled_from(["buy", "sell"]),
        "time_in_force": st.sampled_from(["day", "gtc"]),
        "position_intent": st.sampled_from(["buy_to_open", "sell_to_close"]),
        "expires_ns": st.none() | MOMENTS,
        "limit_price": st.none() | AMOUNTS | st.just(Decimal("10.50")),
        "qty": SOME | st.just(Decimal(3)),
        "px": SOME | st.just(Decimal("10.5")),
        "position_qty": AMOUNTS | AMOUNTS.map(Decimal.__neg__),
        "now_ns": SOON | MOMENTS,
    }
)


def life_of(words: dict[str, object]) -> VenueEvent:
    """The life of an order that asks for this and is filled at once."""
    words = dict(words)
    now_ns, px, position_qty = (words.pop(name) for name in ("now_ns", "px", "position_qty"))
    assert isinstance(now_ns, int)
    assert isinstance(px, Decimal)
    times = dict.fromkeys(("created_ns", "updated_ns", "submitted_ns"), now_ns)
    begun, filled = (an_order(**words, **times, status=each) for each in ("pending_new", "filled"))
    assert filled.qty is not None
    filled.filled_ns, filled.filled_qty = now_ns, filled.qty
    filled.filled_notional = filled.qty * px
    fill = a_fill(qty=filled.qty, price=px, position_qty=position_qty, time_ns=now_ns)
    fill_id = fill.execution_id
    return VenueEvent(3, "PK1", "fill", filled, now_ns, fill, fill_id, "named", begun)


@given(st.lists(st.tuples(WORDS, st.booleans()), min_size=1, max_size=6))
def test_whatever_a_life_is_of_its_texts_are_the_plain_encoding(
    lives: list[tuple[dict[str, object], bool]],
) -> None:
    writer = OrderWriter()
    for words, is_answered in (*lives, *lives):
        life = life_of(words)
        if is_answered:
            order = life.steps()[0].order
            assert writer.lives.answer(life) == encode(order_view(order))
        frames = [encode(plain_frame(event)) for event in life.steps()]
        assert writer.frames([life], "PK1") == frames
        assert writer.frames([life]) == frames
        assert writer.frames([life, life]) == frames + frames
        assert not writer.frames([life], "nobody")


def test_more_kinds_of_lives_than_a_writer_remembers_are_written_all_the_same() -> None:
    writer = OrderWriter()
    amounts = {"qty": Decimal(1), "px": Decimal(2), "position_qty": Decimal(1)}
    for number in (*range(FORMS_MAX + 2), 0, 1):
        words: dict[str, object] = {**amounts, "symbol": f"S{number}", "now_ns": MOMENT_NS}
        life = life_of(words)
        assert writer.lives.answer(life) == encode(order_view(life.steps()[0].order))
