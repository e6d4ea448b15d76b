"""The trade report against hand-computed cases."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from floorbroker.domain.amounts import ZERO_MONEY, Money, Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    ENCODER,
    Alarm,
    Break,
    BreakCause,
    BusinessMessageReject,
    ExecType,
    ExecutionReport,
    MessageQuarantined,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderNotPlaced,
    OrderReject,
    PositionAdjusted,
    Reconciliation,
    RequestKind,
    RequestUnanswered,
    RequestUndelivered,
    Source,
)
from floorbroker.domain.order import OrderRequest, OrdStatus
from floorbroker.domain.terms import Side
from floorbroker.posttrade.incidents import Trouble
from floorbroker.posttrade.rows import SymbolRow
from floorbroker.posttrade.trades import Marks, TradeReport, build_report
from tests.unit.posttrade.scribe import ACCOUNT, TEN, Scribe


@pytest.fixture
def scribe() -> Scribe:
    scribe = Scribe()
    scribe.open()
    return scribe


def report_of(scribe: Scribe, marks: Marks | None = None) -> TradeReport:
    return build_report(scribe.records, start=None, end=None, head=scribe.head, marks=marks)


def only(report: TradeReport) -> SymbolRow:
    (row,) = report.symbols
    return row


def test_average_cost_profit_of_a_round_trip(scribe: Scribe) -> None:
    scribe.trade("buy", "100", "AAPL", "10.00")
    scribe.trade("buy", "100", "AAPL", "12.00")  # 200 for 2,200: 11.00 each
    scribe.trade("sell", "150", "AAPL", "13.00")  # 1,950 against 1,650
    report = report_of(scribe)
    row = only(report)
    assert row.realized_pnl == Money("300.00")
    assert (row.open_qty, row.avg_entry_px) == (Qty(50), Px("11"))
    assert (row.bought_qty, row.sold_qty) == (Qty(200), Qty(150))
    assert (row.buy_vwap, row.sell_vwap) == (Px("11"), Px("13"))
    assert (row.bought_notional, row.sold_notional) == (Money("2200"), Money("1950"))
    assert row.notional == Money("4150")
    assert [fill.realized_pnl for fill in report.fills] == [Money(0), Money(0), Money("300")]
    assert report.verdict == "3 orders, 3 fills, not reconciled, +300.00 realised"


def test_a_flip_closes_the_long_and_opens_a_short(scribe: Scribe) -> None:
    scribe.trade("buy", "100", "AAPL", "10.00")
    scribe.trade("sell", "150", "AAPL", "9.00")  # closes 100 at -1.00, opens 50 short at 9.00
    row = only(report_of(scribe, Marks(last_px={"AAPL": Px("8.50")})))
    assert row.realized_pnl == Money("-100.00")
    assert (row.open_qty, row.avg_entry_px) == (Qty(-50), Px("9"))
    assert row.unrealized_pnl == Money("25.00")
    assert row.last_px_is_market


def test_a_short_covered_higher_loses(scribe: Scribe) -> None:
    scribe.trade("sell", "40", "F", "12.00")
    scribe.trade("buy", "10", "F", "12.50")  # -5.00
    row = only(report_of(scribe))
    assert row.realized_pnl == Money("-5.00")
    assert row.open_qty == Qty(-30)
    # Without a market price the last own fill stands in: -30 x (12.50 - 12.00).
    assert (row.last_px, row.last_px_is_market) == (Px("12.50"), False)
    assert row.unrealized_pnl == Money("-15.00")


def test_fractional_shares_stay_exact(scribe: Scribe) -> None:
    scribe.trade("buy", "0.3", "AAPL", "187.11")  # 56.133
    scribe.trade("sell", "0.1", "AAPL", "188.00")  # 18.80 against 18.711
    row = only(report_of(scribe))
    assert row.realized_pnl == Money("0.089")
    assert row.open_qty == Qty("0.2")


def test_two_symbols_sum_into_the_totals(scribe: Scribe) -> None:
    for symbol, bought, sold in (("AAPL", "10", "11"), ("MSFT", "20", "18.5")):
        scribe.trade("buy", "10", symbol, bought)
        scribe.trade("sell", "10", symbol, sold)
    totals = report_of(scribe).totals
    assert totals.realized_pnl == Money("-5.00")  # +10 and -15
    assert (totals.orders, totals.fills, totals.orders_filled) == (4, 4, 4)
    assert totals.bought_notional == Money("300")
    assert totals.sold_notional == Money("295")
    assert (totals.open_positions, totals.unrealized_pnl) == (0, ZERO_MONEY)


def test_an_empty_period_is_all_zeros(scribe: Scribe) -> None:
    report = report_of(scribe)
    assert (report.orders, report.fills, report.symbols) == ((), (), ())
    assert report.totals.realized_pnl == ZERO_MONEY
    assert report.verdict == "Nothing was ordered or traded, not reconciled"


def test_an_empty_journal_has_a_report() -> None:
    report = report_of(Scribe())
    assert (report.head_seq, report.mode, report.accounts) == (0, "", ())
    assert report.head_hash == "00" * 32


def test_cost_comes_from_before_the_period_and_profit_only_from_inside(scribe: Scribe) -> None:
    scribe.trade("buy", "100", "AAPL", "10.00")
    scribe.trade("sell", "40", "AAPL", "11.00")  # +40 yesterday
    scribe.wait(86_400)
    start = scribe.now
    scribe.trade("sell", "60", "AAPL", "12.00")  # +120 today
    scribe.wait(86_400)
    end = scribe.now
    scribe.trade("buy", "5", "AAPL", "99.00")  # tomorrow: not our business
    report = build_report(scribe.records, start=start, end=end, head=scribe.head)
    row = only(report)
    assert (row.orders, row.fills, row.bought_qty, row.sold_qty) == (1, 1, Qty(0), Qty(60))
    assert row.realized_pnl == Money("120.00")
    assert row.open_qty == 0
    assert row.buy_vwap is None


def test_an_order_from_before_belongs_to_the_period_in_which_it_trades(scribe: Scribe) -> None:
    request = OrderRequest.limit("buy", 10, "AAPL", limit_price="9", time_in_force="gtc")
    cl_ord_id = scribe.place(request)
    scribe.wait(86_400)
    start = scribe.now
    scribe.fill(cl_ord_id, "10", "9.00")
    report = build_report(scribe.records, start=start, end=None, head=scribe.head)
    assert [order.cl_ord_id for order in report.orders] == [cl_ord_id]
    assert report.orders[0].ended_time == start


def test_one_execution_told_by_two_channels_counts_once(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.market("buy", 100, "AAPL"))
    told = scribe.fill(cl_ord_id, "40", "10.00")
    scribe.write(told)  # the stream repeats itself
    scribe.write(replace(told, source=Source.ACTIVITY, exec_id=ExecID("20260312::77")))
    report = report_of(scribe)
    assert len(report.fills) == 1
    assert report.orders[0].cum_qty == Qty(40)
    assert report.orders[0].ord_status is OrdStatus.PARTIALLY_FILLED


def test_a_bust_leaves_the_profit_as_if_the_fill_had_never_been(scribe: Scribe) -> None:
    scribe.trade("buy", "100", "AAPL", "10.00")
    cl_ord_id = scribe.place(OrderRequest.market("buy", 100, "AAPL"))
    told = scribe.fill(cl_ord_id, "100", "12.00")
    scribe.trade("sell", "50", "AAPL", "13.00")
    assert only(report_of(scribe)).realized_pnl == Money("100.00")  # against 11.00
    scribe.wait(5)
    scribe.write(bust_of(told, scribe))
    report = report_of(scribe)
    row = only(report)
    assert row.realized_pnl == Money("150.00")  # against 10.00
    assert (row.open_qty, row.bought_qty, row.fills) == (Qty(50), Qty(100), 2)
    (busted,) = report.busted
    assert (busted.exec_id, busted.busted_time) == (told.exec_id, scribe.now)
    order = next(order for order in report.orders if order.cl_ord_id == cl_ord_id)
    assert (order.cum_qty, order.avg_px, order.reported_qty) == (Qty(0), None, Qty(0))
    assert [found.trouble for found in report.incidents] == [Trouble.BUST]


def bust_of(told: ExecutionReport, scribe: Scribe) -> ExecutionReport:
    return replace(
        told,
        transact_time=scribe.now,
        exec_type=ExecType.TRADE_CANCEL,
        exec_id=ExecID("bust-1"),
        ref_exec_id=told.exec_id,
        cum_qty=Qty(0),
        ord_status=OrdStatus.NEW,
    )


def test_a_fill_like_a_busted_one_is_a_new_fill(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.market("buy", 100, "AAPL"))
    told = scribe.fill(cl_ord_id, "50", "10.00")
    scribe.write(bust_of(told, scribe))
    again = replace(told, exec_id=ExecID("e-again"), source=Source.ACTIVITY)
    scribe.write(again)
    assert [fill.exec_id for fill in report_of(scribe).fills] == ["e-again"]


def test_a_correction_replaces_the_figures_of_its_fill(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.market("buy", 100, "AAPL"))
    told = scribe.fill(cl_ord_id, "100", "12.00")
    scribe.write(
        replace(
            told,
            exec_type=ExecType.TRADE_CORRECT,
            exec_id=ExecID("fix-1"),
            ref_exec_id=told.exec_id,
            last_px=Px("11.50"),
        )
    )
    scribe.trade("sell", "100", "AAPL", "12.00")
    report = report_of(scribe)
    assert only(report).realized_pnl == Money("50.00")
    assert (report.fills[0].last_px, report.fills[0].is_corrected) == (Px("11.50"), True)
    assert [found.trouble for found in report.incidents] == [Trouble.CORRECTION]


def test_a_fill_after_the_cancel_is_counted(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.limit("buy", 100, "AAPL", limit_price="10"))
    scribe.write(OrderCancelRequest(transact_time=scribe.now, cl_ord_id=cl_ord_id))
    assert report_of(scribe).orders[0].ord_status is OrdStatus.PENDING_CANCEL
    scribe.report(cl_ord_id, ExecType.CANCELED, OrdStatus.CANCELED)
    scribe.fill(cl_ord_id, "30", "10.00")
    (order,) = report_of(scribe).orders
    assert (order.ord_status, order.cum_qty) == (OrdStatus.CANCELED, Qty(30))


def test_a_replaced_order_stays_one_row_with_its_new_terms(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.limit("buy", 100, "AAPL", limit_price="10"))
    scribe.fill(cl_ord_id, "40", "10.00")
    scribe.write(
        OrderCancelReplaceRequest(
            transact_time=scribe.now,
            cl_ord_id=cl_ord_id,
            wire_id="o-0001r1",
            order_qty=Qty(80),
            price=Px("10.10"),
        )
    )
    successor = OrderID("b-successor")
    old = scribe.report_of(cl_ord_id, ExecType.REPLACED, OrdStatus.REPLACED)
    scribe.write(replace(old, next_order_id=successor))
    new = scribe.report_of(cl_ord_id, ExecType.TRADE, OrdStatus.FILLED)
    scribe.write(
        replace(
            new,
            cl_ord_id=ClOrdID("o-0001r1"),
            order_id=successor,
            exec_id=ExecID("e-new"),
            last_qty=Qty(40),
            last_px=Px("10.10"),
            cum_qty=Qty(40),
        )
    )
    (order,) = report_of(scribe).orders
    assert (order.order_qty, order.cum_qty, order.avg_px) == (Qty(80), Qty(80), Px("10.05"))
    assert (order.ord_status, order.replaced, order.fills) == (OrdStatus.FILLED, 1, 2)
    assert order.terms.price == Px("10.10")
    assert order.reported_qty == Qty(80)


def test_executions_of_a_successor_that_counts_anew_are_missed(scribe: Scribe) -> None:
    """Its total is below what its predecessor executed, so it cannot carry on from there."""
    cl_ord_id = scribe.place(OrderRequest.limit("buy", 100, "AAPL", limit_price="10.00"))
    scribe.fill(cl_ord_id, "40", "10.00")
    successor = OrderID("b-successor")
    old = scribe.report_of(cl_ord_id, ExecType.REPLACED, OrdStatus.REPLACED)
    scribe.write(replace(old, next_order_id=successor))
    told = scribe.report_of(
        cl_ord_id, ExecType.ORDER_STATUS, OrdStatus.PARTIALLY_FILLED, source=Source.LOOKUP
    )
    scribe.write(replace(told, order_id=successor, cum_qty=Qty(5)))
    (order,) = report_of(scribe).orders
    assert (order.cum_qty, order.reported_qty) == (Qty(40), Qty(45))


def test_a_total_without_its_executions_shows_as_a_difference(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.market("buy", 100, "AAPL"))
    scribe.fill(cl_ord_id, "40", "10.00")
    told = scribe.report_of(
        cl_ord_id, ExecType.ORDER_STATUS, OrdStatus.FILLED, source=Source.LOOKUP
    )
    scribe.write(replace(told, cum_qty=Qty(100)))
    (order,) = report_of(scribe).orders
    assert (order.cum_qty, order.reported_qty) == (Qty(40), Qty(100))
    assert order.ord_status is OrdStatus.PARTIALLY_FILLED  # until the executions are here


def test_an_execution_of_a_foreign_order_is_booked_and_named(scribe: Scribe) -> None:
    scribe.requests["app-77"] = OrderRequest.market("buy", 5, "AAPL")
    scribe.cum["app-77"] = (Qty(0), Money(0))
    scribe.fill(ClOrdID("app-77"), "5", "10.00")
    report = report_of(scribe)
    (order,) = report.orders
    assert (order.ord_type, order.cum_qty, order.account) == ("external", Qty(5), ACCOUNT)
    assert only(report).open_qty == Qty(5)
    assert report.orders_by_type == {"external": 1}


def test_unknown_orders_are_counted_by_how_they_ended(scribe: Scribe) -> None:
    found, lost, hanging = (
        scribe.intend(OrderRequest.market("buy", 10, symbol)) for symbol in ("A", "B", "C")
    )
    for cl_ord_id in (found, lost, hanging):
        scribe.send(cl_ord_id)
        scribe.wait(1)
        scribe.write(
            RequestUnanswered(
                transact_time=scribe.now,
                cl_ord_id=cl_ord_id,
                request=RequestKind.NEW,
                attempt=1,
                text="timed out",
            )
        )
    scribe.wait(3)
    scribe.report(found, ExecType.ORDER_STATUS, OrdStatus.NEW, source=Source.LOOKUP)
    scribe.write(OrderNotPlaced(transact_time=scribe.now, cl_ord_id=lost, text="not listed"))
    report = report_of(scribe)
    assert (report.totals.unknown_resolved, report.totals.unknown_open) == (2, 1)
    outcomes = {i.subject: i.outcome for i in report.incidents if i.trouble is Trouble.UNKNOWN}
    assert outcomes == {
        found: "resolved after 5 s by lookup: the order is new",
        lost: "resolved after 4 s by complete evidence: never placed",
        hanging: "",
    }
    assert report.orders_by_status == {"new": 1, "not_placed": 1, "unknown": 1}


def test_a_cancel_without_an_answer_is_unknown_until_the_order_ends(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.limit("buy", 10, "AAPL", limit_price="9"))
    scribe.write(OrderCancelRequest(transact_time=scribe.now, cl_ord_id=cl_ord_id))
    scribe.write(
        RequestUnanswered(
            transact_time=scribe.now,
            cl_ord_id=cl_ord_id,
            request=RequestKind.CANCEL,
            attempt=1,
            text="timed out",
        )
    )
    scribe.report(cl_ord_id, ExecType.ORDER_STATUS, OrdStatus.NEW, source=Source.POLL)
    assert report_of(scribe).totals.unknown_open == 1
    scribe.report(cl_ord_id, ExecType.CANCELED, OrdStatus.CANCELED)
    assert report_of(scribe).totals.unknown_open == 0


def test_rejections_refusals_and_alarms_are_listed_with_their_words(scribe: Scribe) -> None:
    now = scribe.now
    cl_ord_id = scribe.intend(OrderRequest.market("buy", 10, "AAPL"))
    scribe.send(cl_ord_id)
    scribe.write(
        RequestUndelivered(
            transact_time=now,
            cl_ord_id=cl_ord_id,
            request=RequestKind.NEW,
            attempt=1,
            text="connection refused",
        )
    )
    scribe.send(cl_ord_id)
    scribe.write(OrderReject(transact_time=now, cl_ord_id=cl_ord_id, text="no buying power"))
    scribe.write(
        OrderCancelReject(
            transact_time=now, cl_ord_id=cl_ord_id, request=RequestKind.CANCEL, text="too late"
        )
    )
    scribe.write(BusinessMessageReject(transact_time=now, command="submit", text="qty over limit"))
    scribe.write(Alarm(transact_time=now, name="overfill", text="110 of 100", cl_ord_id=cl_ord_id))
    scribe.write(
        MessageQuarantined(transact_time=now, source=Source.STREAM, raw="{", text="not JSON")
    )
    scribe.write(Alarm(transact_time=now, name="quarantined", text="not JSON"))
    report = report_of(scribe)
    assert [found.trouble for found in report.incidents] == [
        Trouble.UNDELIVERED,
        Trouble.REJECTED,
        Trouble.CANCEL_REJECTED,
        Trouble.REFUSED,
        Trouble.ALARM,
        Trouble.QUARANTINED,
    ]
    assert report.incidents[1].text == "no buying power"
    assert report.orders[0].text == "no buying power"
    assert not any(found.is_open for found in report.incidents)
    totals = report.totals
    assert (totals.orders_rejected, totals.commands_refused, totals.alarms) == (1, 1, 1)


def a_break(*, is_open: bool) -> Break:
    return Break(
        cause=BreakCause.MISSED_FILL,
        subject="o-0001",
        ours="0",
        theirs="100",
        evidence="execution e-9 in the broker's list",
        repair="booked" if not is_open else "look it up",
        is_open=is_open,
    )


def reconcile(scribe: Scribe, *breaks: Break, account: Account = ACCOUNT) -> None:
    scribe.write(
        Reconciliation(
            transact_time=scribe.now,
            account=account,
            orders_compared=7,
            positions_compared=3,
            breaks=breaks,
        )
    )


def test_breaks_are_counted_once_and_settled_by_the_last_comparison(scribe: Scribe) -> None:
    scribe.trade("buy", "1", "AAPL", "10.00")
    reconcile(scribe, a_break(is_open=True))
    assert report_of(scribe).verdict == "1 order, 1 fill, 1 break, 0.00 realised"
    scribe.wait(10)
    reconcile(scribe, a_break(is_open=True))
    scribe.wait(10)
    reconcile(scribe, a_break(is_open=False))
    report = report_of(scribe)
    assert report.verdict == "1 order, 1 fill, 0 breaks (1 repaired), 0.00 realised"
    (incident,) = report.incidents
    assert (incident.outcome, incident.settled_time) == ("booked", scribe.now)
    assert len(report.reconciliations) == 3


def test_a_break_that_is_no_longer_listed_is_settled(scribe: Scribe) -> None:
    reconcile(scribe, a_break(is_open=True))
    reconcile(scribe)
    report = report_of(scribe)
    assert (report.totals.breaks_found, report.totals.breaks_open) == (1, 0)
    assert report.incidents[0].outcome == "gone at the next reconciliation"


def test_a_desk_that_did_not_close_is_a_crash_until_it_has_reconciled(scribe: Scribe) -> None:
    scribe.wait(30)
    scribe.trade("buy", "1", "AAPL", "10.00")
    scribe.wait(4)
    scribe.open()
    report = report_of(scribe)
    assert report.totals.restarts == 1
    (crash,) = report.incidents
    assert crash.is_open
    assert crash.subject == "epoch 1"
    assert "4 s after its last record" in crash.text
    scribe.wait(2)
    reconcile(scribe)
    scribe.close()
    report = report_of(scribe)
    assert report.incidents[0].outcome == "recovered in 2 s: replayed, reconciled, 0 open breaks"
    assert [(s.epoch, s.crashed, s.closed_time) for s in report.sessions] == [
        (1, True, None),
        (2, False, scribe.now),
    ]


def test_a_desk_that_closed_did_not_crash(scribe: Scribe) -> None:
    scribe.close()
    scribe.open()
    assert report_of(scribe).totals.restarts == 0


def test_an_adjustment_moves_the_position_and_is_told(scribe: Scribe) -> None:
    scribe.trade("buy", "100", "AAPL", "10.00")
    scribe.write(
        PositionAdjusted(
            transact_time=scribe.now,
            account=ACCOUNT,
            symbol="AAPL",
            qty=Qty(-40),
            px=Px("11.00"),
            cause=BreakCause.EXTERNAL_POSITION,
            text="sold elsewhere",
        )
    )
    report = report_of(scribe)
    row = only(report)
    assert (row.open_qty, row.realized_pnl, row.sold_qty) == (Qty(60), Money("40.00"), Qty(0))
    assert report.incidents[0].trouble is Trouble.ADJUSTMENT


def test_slippage_is_positive_when_it_cost_for_buys_and_sells(scribe: Scribe) -> None:
    buy = scribe.trade("buy", "10", "AAPL", "100.05")
    sell = scribe.trade("sell", "10", "AAPL", "99.95")
    bare = scribe.trade("buy", "10", "AAPL", "100.00")
    arrival = {buy: Px("100.00"), sell: Px("100.00")}
    orders = report_of(scribe, Marks(arrival_px=arrival)).orders
    slippage = {order.cl_ord_id: order.slippage_bps for order in orders}
    assert slippage == {buy: Decimal(5), sell: Decimal(5), bare: None}


def test_an_order_without_fills_has_no_slippage(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.limit("buy", 10, "AAPL", limit_price="9"))
    (order,) = report_of(scribe, Marks(arrival_px={cl_ord_id: Px("10")})).orders
    assert (order.slippage_bps, order.avg_px) == (None, None)


def test_accounts_are_kept_apart_and_one_can_be_chosen() -> None:
    scribe = Scribe()
    scribe.open(mode="paper")
    scribe.trade("buy", "10", "AAPL", "10.00")
    other = Scribe(account=Account("PA3OTHER"))
    other.records, other.epoch, other._orders, other._execs = scribe.records, 1, 100, 100
    other.trade("sell", "10", "AAPL", "12.00")
    both = build_report(scribe.records, start=None, end=None, head=scribe.head)
    assert [(row.account, row.open_qty) for row in both.symbols] == [
        ("PA3OTHER", Qty(-10)),
        ("PA3TEST", Qty(10)),
    ]
    assert both.totals.realized_pnl == ZERO_MONEY
    one = build_report(
        scribe.records, start=None, end=None, head=scribe.head, account=Account("PA3OTHER")
    )
    assert (one.totals.orders, one.totals.fills, one.accounts) == (1, 1, ("PA3OTHER",))


def test_records_beyond_the_head_are_not_read(scribe: Scribe) -> None:
    scribe.trade("buy", "10", "AAPL", "10.00")
    head = scribe.head
    scribe.trade("buy", "10", "AAPL", "10.00")
    report = build_report(scribe.records, start=None, end=None, head=head)
    assert (report.totals.fills, report.head_seq) == (1, head.seq)
    assert report.head_hash == head.hash.hex()


def test_the_mode_that_calls_for_most_care_is_shown() -> None:
    scribe = Scribe()
    for mode in ("embedded", "live", "paper"):
        scribe.open(mode)
        scribe.close()
    assert report_of(scribe).mode == "live"


def test_a_late_found_fill_belongs_to_the_time_of_its_execution(scribe: Scribe) -> None:
    cl_ord_id = scribe.place(OrderRequest.market("buy", 10, "AAPL"))
    executed = scribe.now
    scribe.wait(3600)
    told = scribe.fill(cl_ord_id, "10", "10.00")
    scribe.records.pop()
    scribe.write(replace(told, transact_time=executed, received_time=scribe.now))
    early = build_report(
        scribe.records, start=TEN, end=TEN + timedelta(minutes=1), head=scribe.head
    )
    assert early.totals.fills == 1


def test_the_report_is_json_with_amounts_as_text(scribe: Scribe) -> None:
    cl_ord_id = scribe.trade("buy", "0.5", "AAPL", "187.10")
    marks = Marks(arrival_px={cl_ord_id: Px("187.00")})
    report = report_of(scribe, marks)
    decoded = msgspec.json.decode(ENCODER.encode(report))
    assert decoded["fills"][0]["last_px"] == "187.10"
    assert decoded["totals"]["bought_notional"] == "93.550"
    assert isinstance(decoded["orders"][0]["slippage_bps"], str)
    assert decoded["verdict"] == report.verdict


def test_sells_and_buys_are_told_apart_by_side(scribe: Scribe) -> None:
    scribe.trade(Side.SELL, "3", "TSLA", "10")
    assert only(report_of(scribe)).sold_qty == Qty(3)
