"""What the terminal shows, at every width and through a pipe."""

from datetime import timedelta

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from floorbroker.cli import tables
from floorbroker.cli.books import breaks
from floorbroker.cli.sheet import PIPE_WIDTH, Column, Sheet, labelled, show
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecType
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.domain.position import Position
from floorbroker.domain.terms import Side
from floorbroker.engine.state import State
from floorbroker.posttrade.wording import View
from tests.unit.posttrade.sample_day import SampleDay
from tests.unit.posttrade.scribe import Scribe

ORDER_ID = ClOrdID("o-01KKH4EBWG3HYFTRS842B8M2Y1")


def rendered(what: RenderableType, width: int) -> str:
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


def order_of(scribe: Scribe) -> Order:
    state, order = State(), None
    for record in scribe.records:
        order = state.apply(record.message) or order
    assert order is not None
    return order


@pytest.fixture
def working() -> Scribe:
    scribe = Scribe()
    request = OrderRequest.limit("buy", 100, "AAPL", limit_price="187.20", cl_ord_id=ORDER_ID)
    scribe.place(request)
    scribe.wait(2)
    scribe.fill(ORDER_ID, "20", "187.18")
    scribe.wait(3)
    scribe.fill(ORDER_ID, "20", "187.19")
    return scribe


def test_an_order_is_one_line_of_one_shape(working: Scribe) -> None:
    line = tables.order_line(order_of(working), working.now + timedelta(seconds=7))
    assert line == (
        "BUY 100 AAPL limit 187.20 day  ·  40/100 @ 187.185  ·  working 12 s  ·  "
        "o-01KKH4EBWG3HYFTRS842B8M2Y1"
    )
    assert "working  ·" in tables.order_line(order_of(working))  # without a clock no age


def test_an_ended_order_says_how_long_it_took(working: Scribe) -> None:
    working.report(ORDER_ID, ExecType.CANCELED, OrdStatus.CANCELED)
    assert "40/100 @ 187.185  ·  canceled after 5 s" in tables.order_line(order_of(working))


def test_an_order_for_an_amount_shows_dollars_and_shares() -> None:
    scribe = Scribe()
    cl_ord_id = scribe.place(OrderRequest.market("buy", None, "SPY", notional="500"))
    scribe.fill(cl_ord_id, "0.25", "560.00")
    line = tables.order_line(order_of(scribe))
    assert line.startswith("BUY $500.00 SPY market day  ·  0.25/$500.00 @ 560.00  ·  working")


def test_a_life_is_a_column_of_times_with_the_time_between(working: Scribe) -> None:
    working.wait(10)
    working.report(ORDER_ID, ExecType.CANCELED, OrdStatus.CANCELED, text="by us")
    lines = rendered(tables.life_sheet(order_of(working)), 100).splitlines()
    assert "written down" in lines[2]
    assert "filled 20 @ 187.18" in lines[5]
    assert "+2 s" in lines[5]
    assert "canceled. by us" in lines[-1]
    assert "10:00:15.000" in lines[-1]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 200])
def test_nothing_is_wider_than_the_window_and_no_number_is_cut(width: int) -> None:
    day = SampleDay(rounds=2)
    report = day.report()
    orders = [order for order in day.scribe.orders if order.is_ended]
    for what in (
        tables.report_view(report),
        tables.orders_sheet(orders),
        tables.fills_sheet(report.fills[:20]),
        breaks.reconciliation_view(report.reconciliations[0]),
    ):
        text = rendered(what, width)
        assert max(len(line) for line in text.splitlines()) <= width
        assert "…" not in text
    assert f"{report.totals.realized_pnl:+,.2f}" in rendered(tables.report_view(report), width)


def test_a_narrow_window_says_what_it_hides() -> None:
    columns = [Column("Symbol"), Column("Price", is_number=True), Column("Remark", 1)]
    sheet = Sheet(columns, [[Text("AAPL"), Text("187.20"), Text("x" * 30)]])
    assert "hidden for want of room: Remark" in rendered(sheet, 34)
    assert "hidden" not in rendered(sheet, 60)
    assert rendered(sheet, 10).split() == ["Symbol", "AAPL", "·", "Price", "187.20", *_folded()]


def test_only_prose_is_folded() -> None:
    columns = [Column("Symbol"), Column("Px", is_number=True), Column("Remark", folds=True)]
    row = [Text("BRK.B PREFERRED"), Text("187.20"), Text("word " * 40)]
    lines = rendered(Sheet(columns, [row]), 46).splitlines()
    assert lines[2].startswith("BRK.B PREFERRED   187.20   word word")
    assert len(lines) > 10


def _folded() -> list[str]:
    return ["·", "Remark", *["x" * 10] * 3]


def test_positions_are_valued_and_totalled() -> None:
    long = Position(symbol="AAPL").booked(Side.BUY, Qty(100), Px("10"))
    short = Position(symbol="F").booked(Side.SELL, Qty(10), Px("12"))
    unpriced = Position(symbol="ZZZ").booked(Side.BUY, Qty(1), Px("5"))
    held = [long, short, unpriced]
    prices = {"AAPL": Px("11.5"), "F": Px("12.5"), "ZZZ": None}
    ages = {"AAPL": "450 ms", "F": "broker's"}
    text = rendered(tables.positions_sheet(held, prices, ages=ages), 100)
    lines = text.splitlines()
    assert lines[2].split() == [
        "AAPL",
        "100",
        "10.00",
        "11.50",
        "450",
        "ms",
        "1,150.00",
        "▲",
        "+150.00",
        "0.00",
    ]
    assert lines[3].split() == [
        "F",
        "-10",
        "12.00",
        "12.50",
        "broker's",
        "-125.00",
        "▼",
        "-5.00",
        "0.00",
    ]
    assert lines[4].split() == ["ZZZ", "1", "5.00", "-", "-", "-", "-", "0.00"]
    assert lines[5].split() == ["Total", "1,025.00", "▲", "+145.00", "0.00"]


def test_a_pipe_gets_plain_text_that_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show(tables.report_view(SampleDay(rounds=2).report()))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "─" not in out
    assert "hidden" not in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_colours_of_profit_follow_the_reader() -> None:
    gain = tables._profit(Px("1"), View())
    assert (gain.plain, gain.style) == ("▲ +1.00", "green")
    assert tables._profit(Px("1"), View(rising_is_red=True)).style == "red"


def test_nothing_to_show_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show_orders([])
    tables.show_positions([Position(symbol="AAPL")])
    tables.show_fills([])
    assert capsys.readouterr().out == "no orders\nno open positions\nno fills\n"


def test_the_report_leads_with_the_mode_and_what_needs_a_decision() -> None:
    lines = rendered(tables.report_view(SampleDay(rounds=2).report()), 120).splitlines()
    assert lines[0].strip() == "EMBEDDED  PA3TEST"
    assert lines[1].startswith("1 alarm: ")
    assert lines[2].startswith("20 orders, ")


def test_times_can_be_in_utc(working: Scribe) -> None:
    text = rendered(tables.orders_sheet([order_of(working)], None, View(utc=True)), 200)
    assert "Created, UTC" in text
    assert "14:00:00.000" in text


@pytest.mark.parametrize("width", [20, 60, 80])
def test_a_long_line_goes_on_below_its_text_and_loses_no_word(width: int) -> None:
    text = ", ".join(f"{count} stream_duplicate" for count in range(9)) + "; desk killed 1 time"
    first, *more = labelled("broken on purpose", text, width).splitlines()
    assert first.startswith("broken on purpose   0 stream_duplicate")
    assert all(line.startswith(" " * 20) for line in more)
    assert max(map(len, (first, *more))) <= max(width, 40)
    assert " ".join([first[20:], *(line[20:] for line in more)]) == text
    assert labelled("broken on purpose", text, PIPE_WIDTH) == f"broken on purpose   {text}"
