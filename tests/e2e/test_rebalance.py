"""A portfolio brought to its targets: at the prompt, and by the library."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars
import pytest
from msgspec.structs import replace

from floorbroker import Desk as AsyncDesk
from floorbroker import OrderRequest, Refused
from floorbroker.deskwork.portfolio.looking import How, Price
from floorbroker.deskwork.portfolio.sending import OnStep, Sent
from floorbroker.domain.errors import BrokerUnreachable, TargetsError
from floorbroker.domain.messages import ExecType, ExecutionReport, NewOrderSingle
from floorbroker.domain.order import Side
from floorbroker.pretrade.allocation.targets import Rules
from floorbroker.pretrade.allocation.trades import Trade
from floorbroker.readers import open_journal_reader
from floorbroker.sync import Desk
from tests.e2e.prompt import Prompt

WEIGHTS = "symbol,weight\nAAPL,30%\nMSFT,0.3\nF,0.3\n"
SWAP = "symbol,weight\nAAPL,0\nMSFT,0.3\nINTC,0.6\n"


class Keyboard(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def desk(prompt: Prompt) -> Iterator[Desk]:
    with Desk.open() as opened:
        yield opened


def written(prompt: Prompt, name: str, text: str) -> str:
    path = prompt.folder / name
    path.write_text(text, "utf-8")
    return str(path)


def held(prompt: Prompt) -> dict[str, Decimal]:
    rows = prompt.type("positions", "--json").document()
    return {row["symbol"]: Decimal(row["qty"]) for row in rows}


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(prompt: Prompt) -> None:
    told = prompt.type("rebalance", written(prompt, "w.csv", WEIGHTS), "--dry-run")
    assert (told.code, told.err) == (0, "")
    assert "EMBEDDED  rebalance\nNothing needs a decision.\nvalue 100,000.00" in told.out
    assert re.search(r"3 buys worth 8\d,\d{3}\.\d\d\nexpected: half the spread costs \d", told.out)
    assert "volume and volatility of minute bars of the synthetic market, seed 7, of" in told.out
    assert "every trade passes every control, each on its own, as things stand" in told.out
    assert re.search(r"1  BUY +\d+  AAPL +0 +\d+ +\d+\.\d+ +\d+ m?s +\d\d,\d{3}\.\d\d", told.out)
    assert prompt.orders_in_journal() == []


def test_from_cash_to_weights_to_the_share_and_to_the_cent(prompt: Prompt) -> None:
    told = prompt.type("rebalance", written(prompt, "w.csv", WEIGHTS), "--yes", "--json")
    assert (told.code, told.err) == (0, "")
    found = told.document()
    plan, outcome = found["plan"], found["outcome"]
    targets = {row["symbol"]: Decimal(row["target"]) for row in plan["names"]}
    assert held(prompt) == targets
    assert outcome["is_done"] is True
    spent = sum(
        (Decimal(one["filled"]) * Decimal(one["avg_px"]) for one in trades_of(outcome)), Decimal(0)
    )
    cash = Decimal(prompt.type("account", "--json").document()["cash"])
    assert cash == Decimal(outcome["cash"]) == 100_000 - spent
    again = prompt.type("rebalance", str(prompt.folder / "w.csv"), "--yes", "--band", "2%")
    assert (again.code, "nothing to trade" in again.out) == (0, True)


def trades_of(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for row in outcome["names"] for one in row["trades"]]


def test_buys_wait_until_the_sells_have_filled(prompt: Prompt) -> None:
    assert prompt.type("rebalance", written(prompt, "w.csv", WEIGHTS), "--yes").code == 0
    before = set(prompt.orders_in_journal())
    swap = written(prompt, "s.csv", SWAP)
    told = prompt.type("rebalance", swap, "--yes", "--close-others", "--limit-bps", "20")
    assert told.code == 0
    assert re.search(r"\nAAPL +0 +0 +- +-\d+ .* filled\n", told.out)
    assert re.search(r"\d orders, 4 of 4 names as planned\ncash [\d,.]+: ", told.out)
    journal = open_journal_reader(prompt.home / "desk.sqlite")
    messages = [record.message for record in journal.records()]
    journal.close()
    told_of: list[tuple[str, str]] = []
    sides = {}
    for one in messages:
        if isinstance(one, NewOrderSingle) and one.cl_ord_id not in before:
            sides[one.cl_ord_id] = one.order.side.value
            told_of.append(("new", one.order.side.value))
        elif isinstance(one, ExecutionReport) and one.exec_type is ExecType.TRADE:
            assert one.cl_ord_id is not None
            told_of.append(("fill", sides.get(one.cl_ord_id, "before")))
    last_sell = max(at for at, what in enumerate(told_of) if what == ("fill", "sell"))
    assert last_sell < min(at for at, what in enumerate(told_of) if what == ("new", "buy"))


def test_without_a_terminal_nothing_is_sent_unless_it_was_said(prompt: Prompt) -> None:
    told = prompt.type("rebalance", written(prompt, "w.csv", WEIGHTS))
    assert (told.code, told.out) == (2, "")
    assert "there is no terminal to ask; add --yes" in told.err
    assert not prompt.home.exists()


@pytest.mark.parametrize(("typed", "code", "sent"), [("yes\n", 0, 3), ("y\n", 2, 0), ("", 2, 0)])
def test_somebody_at_a_terminal_is_asked(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, sent: int
) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    told = prompt.type("rebalance", written(prompt, "w.csv", WEIGHTS))
    assert told.code == code
    assert re.search(r"Send 3 orders worth [\d,.]+ \(EMBEDDED\)\? Type yes to go on: ", told.err)
    assert len(prompt.orders_in_journal()) == sent


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("symbol,weight\nAAPL,0.6\nF,0.6\n", [], "sum of weights: 1.2 is not valid"),
        ("symbol,weight\nAAPL,NaN\n", [], "line 2: weight: NaN is not valid"),
        (
            "symbol,weight\nAAPL,0.5\nXYZQ,0.5\n",
            [],
            "line 3: symbol: XYZQ is not valid; it is not",
        ),
        ("symbol,weight\nAAPL,-0.5\n", [], "line 2: weight: -0.5 is not valid; a long-only"),
        (WEIGHTS, ["--cash-back", "lots"], "--cash-back: 'lots' is not a number"),
        (WEIGHTS, ["--band", "-1"], "--band: -1 must be 0 or more"),
        (WEIGHTS, ["--band", "100%"], "band: 1 is not valid; a part of the portfolio"),
        (WEIGHTS, ["--to", "edge"], "--to: edge is that of a band; give --band"),
        (WEIGHTS, ["--lot", "0.5"], "--lot: 0.5 must be a whole number of shares"),
        (WEIGHTS, ["--gross", "2"], "--gross: is for --long-short"),
        (WEIGHTS, ["--fractional", "--lot", "100"], "--fractional: has no lots"),
        (WEIGHTS, ["--wait", "0"], "--wait: 0 must be more than 0 seconds"),
        (WEIGHTS, ["--cash-back", "200000"], "cash_back: leaves -100000.00 is not valid"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(
    prompt: Prompt, text: str, options: list[str], told: str
) -> None:
    found = prompt.type("rebalance", written(prompt, "w.csv", text), "--yes", *options)
    assert (found.code, found.out) == (2, "")
    assert told in found.err
    assert prompt.orders_in_journal() == []


def test_a_frame_is_planned_and_carried_out(desk: Desk) -> None:
    frame = polars.DataFrame({"symbol": ["AAPL", "F"], "weight": [0.25, 0.25]})
    plan = desk.portfolio.plan(frame, Rules(cash_back=Decimal(1000)))
    assert [trade.symbol for trade in plan.trade_list.trades] == ["AAPL", "F"]
    heard: list[int] = []
    outcome = desk.portfolio.carry_out(plan, on_step=lambda place, _: heard.append(place))
    assert outcome.is_done
    assert sorted(heard) == [0, 1]
    assert {one.symbol: one.qty for one in desk.get_positions()} == {
        row.symbol: row.target for row in outcome.rows
    }
    assert outcome.cash == desk.get_account(max_age_s=0).cash


def test_fractions_spend_the_last_cent_but_the_slack(desk: Desk) -> None:
    plan = desk.portfolio.plan({"AAPL": "1"}, kind="weight", how=How(is_fractional=True))
    (trade,) = plan.trade_list.trades
    assert trade.qty % 1
    outcome = desk.portfolio.carry_out(plan)
    assert outcome.is_done
    assert 0 <= outcome.cash < 100


def test_a_plan_is_over_when_the_book_has_moved(desk: Desk) -> None:
    plan = desk.portfolio.plan({"AAPL": 10}, kind="shares")
    other = desk.submit_order(OrderRequest.market("buy", 1, "F"))
    desk.wait(other.cl_ord_id, timeout_s=20)
    with pytest.raises(Refused, match="since the plan was made the position in F was 0 and is 1"):
        desk.portfolio.carry_out(plan)
    assert len(desk.get_all_orders()) == 1


def test_a_plan_is_over_when_a_price_has_moved(desk: Desk) -> None:
    plan = desk.portfolio.plan({"AAPL": 10}, kind="shares")
    (trade,) = plan.trade_list.trades
    dear = replace(plan.trade_list, trades=(replace(trade, px=trade.px * Decimal("1.03")),))
    with pytest.raises(Refused, match=r"AAPL has moved by 2\.9% since the plan"):
        desk.portfolio.carry_out(replace(plan, trade_list=dear))
    assert desk.get_all_orders() == []


def test_buys_are_cut_to_the_cash_that_is_there_when_they_leave(desk: Desk) -> None:
    plan = desk.portfolio.plan({"AAPL": 100}, kind="shares")
    (trade,) = plan.trade_list.trades
    greedy = replace(plan.trade_list, trades=(replace(trade, qty=Decimal(10_000)),))
    outcome = desk.portfolio.carry_out(replace(plan, trade_list=greedy))
    (row,) = outcome.rows
    assert not outcome.is_done
    assert row.sent[0].text.startswith(f"cut to {row.held} by cash, ")
    assert 0 <= outcome.cash < 1000


def test_open_orders_count_as_if_they_had_filled(desk: Desk) -> None:
    rest = OrderRequest.limit("buy", 10, "AAPL", limit_price="1", cl_ord_id="rest")
    desk.submit_order(rest)
    plan = desk.portfolio.plan({"AAPL": 15, "F": 5}, kind="shares")
    assert {one.symbol: f"{one.qty}" for one in plan.trade_list.trades} == {"AAPL": "5", "F": "5"}
    against = desk.portfolio.plan({"AAPL": 5}, kind="shares")
    assert against.trade_list.trades == ()
    assert against.notes == ("not traded, open orders stand against it: AAPL",)


def test_a_name_that_is_unknown_is_told_by_row(desk: Desk) -> None:
    with pytest.raises(TargetsError, match="row 2: symbol: NOPE is not valid; it is not listed"):
        desk.portfolio.plan([{"symbol": "F", "weight": 0.1}, {"symbol": "NOPE", "weight": 0.1}])


def test_what_is_held_and_not_named_stays_and_is_pointed_out(desk: Desk) -> None:
    other = desk.submit_order(OrderRequest.market("buy", 1, "F"))
    desk.wait(other.cl_ord_id, timeout_s=20)
    plan = desk.portfolio.plan({"AAPL": 1}, kind="shares")
    assert plan.notes == ("not in the targets, stays as it is: F",)


def test_a_trade_through_zero_is_closed_before_it_is_opened(desk: Desk) -> None:
    bought = desk.submit_order(OrderRequest.market("buy", 10, "AAPL"))
    desk.wait(bought.cl_ord_id, timeout_s=20)
    plan = desk.portfolio.plan({"AAPL": -5}, Rules(is_long_short=True), kind="shares")
    assert [f"{one.phase} {one.side} {one.qty}" for one in plan.trade_list.trades] == [
        "1 sell 10",
        "2 sell 5",
    ]
    assert desk.portfolio.carry_out(plan).is_done
    assert desk.get_position("AAPL").qty == -5


def test_what_did_not_fill_is_told_and_nothing_is_opened_upon_it(desk: Desk) -> None:
    bought = desk.submit_order(OrderRequest.market("buy", 10, "AAPL"))
    desk.wait(bought.cl_ord_id, timeout_s=20)
    plan = desk.portfolio.plan({"AAPL": -5}, Rules(is_long_short=True), kind="shares")
    far = replace(plan, how=How(limit_bps=Decimal(-500)))  # sells five per cent too dear
    outcome = desk.portfolio.carry_out(far, wait_s=0.2)
    (row,) = outcome.rows
    assert not outcome.is_done
    assert row.held == 10
    assert [one.text for one in row.sent] == [
        "new",
        "not sent: the order before it has not filled",
    ]
    assert len(desk.get_all_orders("open")) == 1


def test_options_reach_the_plan(prompt: Prompt) -> None:
    file = written(prompt, "w.csv", WEIGHTS)
    kept = prompt.type("rebalance", file, "--dry-run", "--json", "--cash-back", "5%").document()
    assert Decimal(kept["plan"]["kept_back"]) == 5000
    narrow = ("--dry-run", "--json", "--band", "10%", "--to", "edge")
    trades = prompt.type("rebalance", file, *narrow).document()["plan"]["trades"]
    assert [round(Decimal(one["value"]), -3) for one in trades] == [20_000] * 3


def test_exit_1_where_the_plan_was_not_filled(prompt: Prompt) -> None:
    assert prompt.type("kill", "--level", "block", "--yes").code == 0
    told = prompt.type("rebalance", written(prompt, "w.csv", WEIGHTS), "--yes")
    assert told.code == 1
    assert told.out.count("would be refused: ") == 3
    assert told.out.count("  refused: ") == 3
    assert "3 of 3 names are not where the plan leads; run it again later" in told.err


def test_cash_that_is_kept_back_or_spoken_for_is_not_spent_when_the_orders_leave(
    desk: Desk,
) -> None:
    rest = OrderRequest.limit("buy", 400, "F", limit_price="1", cl_ord_id="rest")
    desk.submit_order(rest)
    rules = Rules(cash_back=Decimal(99_000))
    plan = desk.portfolio.plan({"AAPL": 1}, rules, kind="shares")
    (trade,) = plan.trade_list.trades
    greedy = replace(plan.trade_list, trades=(replace(trade, qty=Decimal(100)),))
    (row,) = desk.portfolio.carry_out(replace(plan, trade_list=greedy)).rows
    assert row.held == 3  # of 1,000 beyond what is kept back 600 are free
    nothing = desk.portfolio.plan({"AAPL": 4}, kind="shares")
    nothing = replace(nothing, trade_list=replace(nothing.trade_list, kept_back=Decimal(100_000)))
    (row,) = desk.portfolio.carry_out(nothing).rows
    assert [one.text for one in row.sent] == ["not sent: the cash is not there"]


class Losing:
    """A way that loses the broker when it is to buy."""

    takes_long = False

    async def send(
        self, trades: Sequence[Trade], prices: Mapping[str, Price], on_step: OnStep
    ) -> list[Sent]:
        if trades[0].side is Side.BUY:
            raise BrokerUnreachable("no connection")
        for place in range(len(trades)):
            on_step(place, None)
        return [Sent(trade=one, order_id="o", filled=one.qty, avg_px=one.px) for one in trades]


@pytest.mark.asyncio
async def test_a_broker_lost_between_phases_leaves_a_report_of_what_was_done(
    prompt: Prompt,
) -> None:
    async with AsyncDesk.open() as desk:
        bought = await desk.submit_order(OrderRequest.market("buy", 500, "AAPL"))
        await desk.wait(bought.cl_ord_id, timeout_s=20)
        plan = await desk.portfolio.plan({"MSFT": 100, "F": 1000, "AAPL": 0}, kind="shares")
        assert [one.phase for one in plan.trade_list.trades] == [1, 2, 2]
        heard: list[int] = []
        outcome = await desk.portfolio.carry_out(
            plan, sender=Losing(), on_step=lambda place, _: heard.append(place)
        )
        texts = {row.symbol: row.sent[0].text for row in outcome.rows}
        assert texts == {
            "AAPL": "",
            "MSFT": "not sent: no connection",
            "F": "not sent: no connection",
        }
        assert (heard, outcome.is_done) == ([0], False)
        only_buys = await desk.portfolio.plan({"F": 1}, kind="shares")
        with pytest.raises(BrokerUnreachable):
            await desk.portfolio.carry_out(only_buys, sender=Losing())


@pytest.mark.asyncio
async def test_steps_are_told_by_their_place_in_the_plan(prompt: Prompt) -> None:
    async with AsyncDesk.open() as desk:
        bought = await desk.submit_order(OrderRequest.market("buy", 500, "AAPL"))
        await desk.wait(bought.cl_ord_id, timeout_s=20)
        plan = await desk.portfolio.plan({"MSFT": 100, "AAPL": 0}, kind="shares")
        heard: list[int] = []
        outcome = await desk.portfolio.carry_out(
            plan, on_step=lambda place, _: heard.append(place)
        )
        assert (heard, outcome.is_done) == ([0, 1], True)
