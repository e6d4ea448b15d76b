"""Close and open: an order in the auction before its cut-off, the rest worked beside it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.books.earlier import AuctionVolumes
from floorbroker.domain.terms import OrdType, TimeInForce
from floorbroker.execution.algos.port import DayStats, Imbalance, MarketView, NewChild
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import replay, steady
from tests.unit.execution.views import BUY, SELL, S, again, answer, asked, child, market, parent

CLS, OPG = TimeInForce.AT_THE_CLOSE, TimeInForce.AT_THE_OPENING


def day(**more: Any) -> MarketView:
    """Opens at 1000 s and closes at 5000 s."""
    return market(session_open_ns=1000 * S, session_close_ns=5000 * S, **more)


def close(qty: int = 1000, **more: Any) -> Any:
    return asked("close", qty, start_s=2000, until_s=5100, **more)


def sent(decision: Any) -> list[tuple[int, str | None, str, str]]:
    return [
        (
            int(command.qty),
            None if command.price is None else str(command.price),
            str(command.ord_type),
            str(command.time_in_force),
        )
        for command in decision.commands
        if isinstance(command, NewChild)
    ]


def test_all_goes_to_the_close_shortly_before_the_cut_off() -> None:
    view = parent(close(lead_s=60))
    early = answer(view, day(), 4339)
    assert (early.commands, early.wake_ns) == ((), 4340 * S)
    assert sent(answer(view, day(), 4340)) == [(1000, None, "market", "cls")]
    assert sent(answer(parent(close(limit="100.05")), day(), 4399)) == [
        (1000, "100.05", "limit", "cls")
    ]


def test_after_the_cut_off_it_is_too_late() -> None:
    late = answer(parent(close()), day(), 4400)
    assert (late.commands, late.why) == ((), "it is too late for the auction")


def test_an_auctions_order_is_sent_once() -> None:
    out = child(0, 1000, ord_type=OrdType.MARKET, time_in_force=CLS, tag="auction")
    assert answer(parent(close(), out), day(), 4350).commands == ()
    assert answer(parent(close(), out), day(), 5050).commands == ()


def test_it_says_how_it_stands_with_the_auction() -> None:
    out = child(0, 1000, ord_type=OrdType.MARKET, time_in_force=CLS, tag="auction")
    before, there, after = 4000, 4500, 5050
    assert answer(parent(close()), day(), before).why == "waits for the auction"
    assert answer(parent(close(), out), day(), there).why == "is in the auction"
    assert answer(parent(close(), out), day(), after).why == "waits for the auction's fills"
    assert answer(parent(close()), day(), after).why == "the auction is over"


def test_a_part_goes_to_the_close_and_the_rest_is_worked_before_it() -> None:
    view = parent(close(part="0.4", interval_s=600))
    first = answer(view, day(), 2000)
    assert sent(first) == [(120, "99.99", "limit", "day")]  # 600 over five slices
    view = again(view, first, filled=Qty(480))
    both = answer(view, day(), 4399)
    assert sent(both)[0] == (400, None, "market", "cls")
    assert sum(qty for qty, *_ in sent(both)) <= 520


def test_the_rest_is_cleaned_up_without_the_auctions_part() -> None:
    out = child(0, 400, ord_type=OrdType.MARKET, time_in_force=CLS, tag="auction")
    view = parent(close(part="0.4", interval_s=600), out, filled=500)
    assert sent(answer(view, day(), 4990)) == [(100, "100.5", "limit", "day")]


def test_what_missed_the_close_is_worked_where_that_is_asked_for() -> None:
    view = parent(close(work_missed=True, interval_s=600))
    assert sent(answer(view, day(), 4400)) == [(1000, "99.99", "limit", "day")]


def test_an_imbalance_on_the_other_side_invites_more() -> None:
    def told(side: Any, qty: int) -> MarketView:
        return day(
            imbalance=Imbalance(time_ns=0, paired_qty=Qty(5000), imbalance_qty=Qty(qty), side=side)
        )

    view = parent(close(part="0.4", helped_part="0.8", interval_s=600), filled=200)
    assert sent(answer(view, told(SELL, 1000), 4350))[0][0] == 800
    assert sent(answer(view, told(SELL, 999), 4350))[0][0] == 400
    assert sent(answer(view, told(BUY, 9000), 4350))[0][0] == 400


def test_an_auction_takes_whole_shares() -> None:
    view = parent(close(part="0.333", interval_s=600))
    assert sent(answer(view, day(), 4350))[0][0] == 333


def opening(**more: Any) -> Any:
    return asked("open", 1000, start_s=0, until_s=4000, **more)


def test_all_goes_to_the_open_before_the_session() -> None:
    view = parent(opening(lead_s=60))
    assert answer(view, day(), 819).commands == ()
    assert sent(answer(view, day(stale="not open yet"), 820)) == [(1000, None, "market", "opg")]
    assert answer(view, day(), 880).why == "it is too late for the auction"
    assert answer(view, day(), 1200).why == "the auction is over"


def test_after_the_open_what_the_auction_left_is_worked() -> None:
    view = parent(opening(part="0.5", interval_s=1000), filled=400)
    assert sent(answer(view, day(), 1000)) == [(200, "99.99", "limit", "day")]
    out = child(0, 100, ord_type=OrdType.MARKET, time_in_force=OPG, tag="auction")
    waiting = parent(opening(part="0.5"), out, filled=400)
    assert answer(waiting, day(), 1000).why == "waits for the auction's fills"


def test_beside_the_auction_nobody_prices_blindly() -> None:
    view = parent(close(part="0.4"))
    blind = answer(view, day(stale="feed lost"), 2000)
    assert (blind.commands, blind.why) == ((), "the quote is stale: feed lost")
    assert blind.wake_ns == 2001 * S
    assert answer(view, day(stale="feed lost"), "4339.5").wake_ns == 4340 * S
    after = answer(parent(opening(part="0.4")), day(stale="not told yet"), 1000)
    assert after.wake_ns == 1001 * S


@pytest.mark.parametrize("name", ["close", "open"])
def test_a_market_without_auctions_says_so(name: str) -> None:
    decision = answer(parent(asked(name)), market(), 0)
    assert decision.commands == ()
    assert "has no" in decision.why


def test_a_day_with_both_auctions_ends_exactly() -> None:
    closed = replay(
        SHIPPED["close"],
        close(part="0.4", interval_s=300),
        steady(2000 * S, 3101),
        market=MarketView(session_open_ns=1000 * S, session_close_ns=5000 * S),
    )
    assert closed.filled == 1000
    assert [fill.qty for fill in closed.fills if fill.time_ns >= 5000 * S] == [Qty(400)]
    opened = replay(
        SHIPPED["open"],
        opening(part="0.5", interval_s=300),
        steady(0, 4001),
        market=MarketView(session_open_ns=1000 * S, session_close_ns=5000 * S),
    )
    assert opened.filled == 1000
    assert opened.fills[0].time_ns == 1000 * S
    assert opened.fills[0].px in (Px("99.99"), Px("100.01"))


def known(closing: int | None = None, opening: int | None = None, **more: Any) -> MarketView:
    """A day before which the smallest auctions were so large."""
    auctions = AuctionVolumes(
        opening=None if opening is None else Decimal(opening),
        closing=None if closing is None else Decimal(closing),
        days=1,
    )
    return day(stats=DayStats(auctions=auctions), **more)


def test_no_more_than_the_cap_of_half_the_smallest_auction_goes_to_the_close() -> None:
    view = parent(close(max_rate="0.2", interval_s=600))
    shown = known(closing=4000, volume=9000)
    first = answer(view, shown, 2000)
    assert sent(first) == [(120, "99.99", "limit", "day")]  # 600 over five slices
    assert first.why.endswith("400 for the auction: 20% of half the smallest before, 4000")
    view = again(view, first, filled=Qty(600))
    assert sent(answer(view, shown, 4350)) == [(400, None, "market", "cls")]
    assert sent(answer(view, known(closing=100_000), 4350)) == [(400, None, "market", "cls")]


def test_where_the_cap_is_not_in_the_way_the_part_is_all() -> None:
    view = parent(close(max_rate="0.2", part="0.4", interval_s=600), filled=600)
    decision = answer(view, known(closing=4000, volume=9000), 4350)
    assert sent(decision) == [(400, None, "market", "cls")]
    assert "half the smallest" not in decision.why


def test_with_a_cap_nothing_goes_to_an_auction_whose_like_nobody_knows() -> None:
    view = parent(close(max_rate="0.2", interval_s=600))
    for shown in (day(volume=9000), known(opening=100_000, volume=9000)):
        first = answer(view, shown, 2000)
        assert sent(first) == [(200, "99.99", "limit", "day")]
        assert "nothing for the auction: max_rate is 20% and no earlier auction" in first.why
        late = again(view, first, filled=Qty(900))
        assert all(tif == "day" for *_, tif in sent(answer(late, shown, 4350)))
        (rest,) = sent(answer(late, shown, 4400))  # nothing of it was meant for the auction
        assert rest[3] == "day"


def test_without_a_cap_the_part_alone_counts() -> None:
    assert sent(answer(parent(close()), known(closing=10), 4350)) == [
        (1000, None, "market", "cls")
    ]
    assert sent(answer(parent(opening()), known(opening=10), 850)) == [
        (1000, None, "market", "opg")
    ]


def test_what_the_cap_keeps_out_of_the_open_is_worked_after_it() -> None:
    """Also where all was meant for it and what it missed is not to be worked."""
    capped = parent(opening(max_rate="0.2", interval_s=1000))
    before = answer(capped, known(opening=4000), 850)
    assert sent(before) == [(400, None, "market", "opg")]
    assert "400 for the auction" in before.why
    after = parent(opening(max_rate="0.2", interval_s=1000), filled=400)
    assert sent(answer(after, known(opening=4000, volume=9000), 1000)) == [
        (200, "99.99", "limit", "day")
    ]
    blind = answer(capped, day(), 850)
    assert (sent(blind), blind.wake_ns) == ([], 1000 * S)
    assert sent(answer(capped, day(volume=9000), 1000)) == [(334, "99.99", "limit", "day")]
    wide = parent(opening(max_rate="0.9"))
    assert answer(wide, known(opening=100_000), 1200).why == "the auction is over"


@pytest.mark.parametrize("name", ["close", "open"])
@given(data=st.data())
def test_in_no_auction_that_is_as_large_as_was_counted_on_the_cap_is_exceeded(
    name: str, data: st.DataObject
) -> None:
    """Whether our own shares are part of what it prints or come on top."""
    rate = data.draw(st.decimals("0.001", "0.999", places=3))
    smallest = data.draw(st.integers(1, 10**6))
    terms: dict[str, Any] = {
        "max_rate": str(rate),
        "part": str(data.draw(st.decimals("0.001", "1", places=3))),
        "unit": data.draw(st.sampled_from([1, 7, 100])),
    }
    request, at_s = (close(10**5, **terms), 4350) if name == "close" else (opening(**terms), 850)
    shown = known(closing=smallest, opening=smallest)
    commands = answer(parent(request), shown, at_s).commands
    own = sum(
        (one.qty for one in commands if isinstance(one, NewChild) and one.time_in_force != "day"),
        ZERO_QTY,
    ).decimal
    volume = smallest / Decimal(2) + data.draw(st.integers(0, 10**6))
    assert own <= rate * volume
    assert own <= rate * (own + volume)
    room = rate * smallest / 2
    assert own + terms["unit"] > min(room, request.qty.decimal * Decimal(terms["part"]))
