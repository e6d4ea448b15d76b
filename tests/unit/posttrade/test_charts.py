"""What the charts show, and that they stay small and harmless."""

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.quotes import Bar
from floorbroker.posttrade.charts import POINTS_MAX, grouped, profit_chart, symbol_chart, thinned
from floorbroker.posttrade.trades import TradeReport, build_report
from floorbroker.posttrade.wording import View
from tests.unit.posttrade.scribe import TEN, Scribe


def traded() -> Scribe:
    scribe = Scribe()
    scribe.open()
    scribe.trade("buy", "100", "AAPL", "10.00")
    scribe.wait(60)
    scribe.trade("buy", "25", "AAPL", "10.10")
    scribe.wait(60)
    scribe.trade("sell", "100", "AAPL", "11.00")
    return scribe


def report_of(scribe: Scribe) -> TradeReport:
    return build_report(scribe.records, start=None, end=None, head=scribe.head)


def bars(count: int, *, every_s: int = 60) -> list[Bar]:
    return [
        Bar(
            symbol="AAPL",
            time_ns=ns_of(TEN) + place * every_s * NS_PER_S,
            duration_s=60,
            open_px=Decimal(10),
            high_px=Decimal(11),
            low_px=Decimal(9),
            close_px=Decimal(10) + Decimal(place) / 100,
            volume=Decimal(100),
        )
        for place in range(count)
    ]


def test_the_profit_line_steps_at_closing_fills_and_its_title_says_the_total() -> None:
    chart = profit_chart(report_of(traded()))
    assert chart is not None
    # 125 for 1,252.50; 100 of them cost 1,002.00 and brought 1,100.00.
    assert chart.title == "Realised +98.00"
    assert chart.data[0]["y"] == [Decimal(0), Decimal(98), Decimal(98)]
    assert chart.data[0]["x"][0] == "2026-03-12 10:00:00.000"
    assert chart.layout["yaxis"]["title"]["text"] == "realised profit, US dollars"


def test_with_several_symbols_the_title_names_the_best_and_the_worst() -> None:
    scribe = traded()
    scribe.trade("buy", "10", "F", "12.00")
    scribe.trade("sell", "10", "F", "11.50")
    chart = profit_chart(report_of(scribe))
    assert chart is not None
    assert chart.title == "Realised +93.00: AAPL earned +98.00, F lost -5.00"


def test_when_nothing_was_closed_the_traded_amounts_are_shown() -> None:
    scribe = Scribe()
    scribe.trade("buy", "10", "AAPL", "10.00")
    chart = profit_chart(report_of(scribe))
    assert chart is not None
    assert chart.data[0]["y"] == [Decimal(100)]
    assert "Nothing was closed" in chart.title


def test_no_fills_no_chart() -> None:
    assert profit_chart(report_of(Scribe())) is None


def test_fills_are_drawn_on_the_closes_with_area_by_quantity() -> None:
    report = report_of(traded())
    chart = symbol_chart(report.symbols[0], report, {"AAPL": bars(5)})
    assert chart is not None
    price, buys, sells = chart.data
    assert price["x"][0] == "2026-03-12 10:01:00.000"  # a close is known at its bar's end
    assert buys["marker"]["symbol"] == "triangle-up"
    assert sells["marker"]["symbol"] == "triangle-down"
    # 100 shares are the largest; a quarter of the area is half of the way to the largest.
    assert buys["marker"]["size"] == [Decimal("22.0"), Decimal("15.0")]
    assert buys["y"] == [Decimal("10.00"), Decimal("10.10")]
    assert buys["customdata"][0].startswith("buy 100 AAPL @ 10.00<br>2026-03-12 10:00:00.000")
    assert "1-minute bars" in chart.note
    assert chart.title == "AAPL: bought 125 @ 10.02, sold 100 @ 11.00, realised ▲ +98.00"


def test_without_bars_only_fills_are_drawn_and_the_note_says_so() -> None:
    report = report_of(traded())
    chart = symbol_chart(report.symbols[0], report, {})
    assert chart is not None
    assert [trace["name"] for trace in chart.data] == ["buys", "sells"]
    assert "only our own fills" in chart.note


def test_a_symbol_without_fills_has_no_chart() -> None:
    scribe = Scribe()
    scribe.place(OrderRequest.limit("buy", 1, "AAPL", limit_price="9"))
    report = report_of(scribe)
    assert symbol_chart(report.symbols[0], report, {"AAPL": bars(5)}) is None


def test_the_line_breaks_where_the_market_paused() -> None:
    report = report_of(traded())
    morning, afternoon = (
        bars(3),
        [replace(bar, time_ns=bar.time_ns + 3 * 3600 * NS_PER_S) for bar in bars(3)],
    )
    bounded = replace(report, start=TEN, end=TEN + timedelta(days=1))
    chart = symbol_chart(report.symbols[0], bounded, {"AAPL": [*morning, *afternoon]})
    assert chart is not None
    line = chart.data[0]
    assert len(line["x"]) == len(line["y"])
    assert line["y"].count(None) == 1
    assert line["y"][3] is None


def test_bars_outside_the_period_are_left_out() -> None:
    report = replace(report_of(traded()), start=TEN, end=TEN + timedelta(minutes=2))
    chart = symbol_chart(report.symbols[0], report, {"AAPL": bars(10)})
    assert chart is not None
    assert len(chart.data[0]["x"]) == 2


def test_lines_stay_within_a_days_minutes_and_keep_their_ends() -> None:
    kept = thinned(list(range(10_000)))
    assert (len(kept), kept[0], kept[-1]) == (POINTS_MAX, 0, 9_999)
    assert thinned([1, 2]) == [1, 2]


def test_grouped_fills_leave_nothing_out() -> None:
    scribe = Scribe()
    cl_ord_id = scribe.place(OrderRequest.market("buy", 2000, "AAPL"))
    for place in range(1000):
        scribe.wait(1)
        scribe.fill(cl_ord_id, "1", f"{10 + place % 3}")
    report = report_of(scribe)
    groups = grouped(report.fills)
    assert len(groups) <= POINTS_MAX
    assert sum(len(group) for group in groups) == 1000
    chart = symbol_chart(report.symbols[0], report, {})
    assert chart is not None
    assert "3 fills" in chart.data[0]["customdata"][0]
    assert chart.data[0]["y"][0] == Decimal("11.0000")


def test_labels_are_escaped_and_times_follow_the_reader() -> None:
    scribe = Scribe()
    scribe.trade("buy", "1", "<B>&", "10.00")
    report = report_of(scribe)
    chart = symbol_chart(report.symbols[0], report, {}, View(utc=True))
    assert chart is not None
    (text,) = chart.data[0]["customdata"]
    assert text.startswith("buy 1 &lt;B&gt;&amp; @ 10.00<br>2026-03-12 14:00:00.000")
