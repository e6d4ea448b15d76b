"""A rebalance by an algorithm: one parent order a trade, and no second one after a death."""

import asyncio
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker import Desk
from floorbroker.clock import SystemClock
from floorbroker.deskwork.portfolio.working import Work
from floorbroker.domain.books.parents import ParentOrder, ParentState
from floorbroker.readers import open_journal_reader
from tests.e2e.prompt import Prompt

WEIGHTS = "symbol,weight\nAAPL,30%\nF,30%\n"


@pytest.fixture
def prompt(prompt: Prompt, tmp_path: Path) -> Prompt:
    (tmp_path / "w.csv").write_text(WEIGHTS, "utf-8")
    return prompt


def parents_of(prompt: Prompt) -> list[ParentOrder]:
    journal = open_journal_reader(prompt.home / "desk.sqlite")
    messages = [record.message for record in journal.records()]
    journal.close()
    return [one for one in messages if isinstance(one, ParentOrder)]


def held(prompt: Prompt) -> dict[str, Decimal]:
    rows = prompt.type("positions", "--json").document()
    return {row["symbol"]: Decimal(row["qty"]) for row in rows}


def test_sells_are_worked_before_the_buys_that_need_their_cash(prompt: Prompt) -> None:
    assert prompt.type("rebalance", f"{prompt.folder / 'w.csv'}", "--yes").code == 0
    swap = prompt.folder / "s.csv"
    swap.write_text("symbol,weight\nAAPL,10%\nF,0\nMSFT,85%\n", "utf-8")
    words = ("--algo", "twap", "--end", "60s", "--param", "style=cross", "--yes", "--json")
    told = prompt.type("rebalance", f"{swap}", *words)
    assert (told.code, told.err) == (0, "")
    found = told.document()
    targets = {row["symbol"]: Decimal(row["target"]) for row in found["plan"]["names"]}
    assert held(prompt) == {symbol: qty for symbol, qty in targets.items() if qty}
    cash = Decimal(prompt.type("account", "--json").document()["cash"])
    assert cash == Decimal(found["outcome"]["cash"])
    made = parents_of(prompt)
    assert [(one.side.value, one.symbol) for one in made[:2]] == [("sell", "AAPL"), ("sell", "F")]
    (buy,) = made[2:]
    assert (buy.side.value, buy.symbol, buy.strategy) == ("buy", "MSFT", "rebalance")
    assert buy.start_ns >= max(sell.transact_time.timestamp() for sell in made[:2]) * 10**9
    assert buy.end_ns > made[0].end_ns
    texts = [one["text"] for row in found["outcome"]["names"] for one in row["trades"]]
    assert all(re.fullmatch(r"done, \d+ child orders?", text) for text in texts)


async def interrupted(folder: Path) -> None:
    """A rebalance whose process goes away while its parent orders are at work."""
    async with Desk.open() as desk:
        plan = await desk.portfolio.plan({"AAPL": "0.3", "F": "0.3"}, kind="weight")
        rests = {
            "style": "passive",
            "cleanup_s": "3",
            "slices": "5",
        }  # so it is at work for a while
        until = desk.clock.now() + timedelta(seconds=5)
        work = Work(algo="twap", end=until, params=rests)
        sender = desk.portfolio.by_algo(plan, work)
        carrying = asyncio.ensure_future(desk.portfolio.carry_out(plan, sender=sender))
        while len(await desk.parents.list()) < 2:
            await SystemClock().sleep(0.01)
        carrying.cancel()
        ahead = await desk.portfolio.plan({"AAPL": "0.3", "F": "0.3"}, kind="weight")
        assert ahead.trade_list.trades == ()  # what is at work counts as if it had traded


def test_an_interrupted_rebalance_is_not_sent_a_second_time(prompt: Prompt) -> None:
    asyncio.run(interrupted(prompt.folder))
    before = parents_of(prompt)
    told = prompt.type(
        "rebalance", f"{prompt.folder / 'w.csv'}", "--algo", "twap", "--end", "2s", "--yes"
    )
    assert told.code == 0
    assert "2 parent orders of an interrupted rebalance at work" in told.err
    assert told.err.count(f" {ParentState.DONE}: buy ") == 2
    assert "nothing to trade" in told.out
    assert parents_of(prompt) == before
    assert held(prompt) == {one.symbol: one.qty.decimal for one in before}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--algo vwop --end 15:55", "--algo: 'vwop' is none; did you mean"),
        ("--algo vwap", "--end: missing; say when vwap is to be done"),
        ("--end 15:55", "--end: says when an algorithm is done; give it with --algo"),
        ("--param slices=3", "--param: is for an algorithm"),
    ],
)
def test_a_way_that_cannot_be_meant_is_refused(prompt: Prompt, words: str, says: str) -> None:
    told = prompt.type("rebalance", f"{prompt.folder / 'w.csv'}", "--yes", *words.split())
    assert (told.code, told.out) == (2, "")
    assert says in told.err


def test_a_trade_whose_algorithm_lacks_its_curve_says_so(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = prompt.folder / "bars.csv"
    history.write_text(
        "symbol,timestamp,open,high,low,close,volume\n"
        "IBM,2026-05-29T10:01:00-04:00,187,187,187,187,400\n"
    )
    monkeypatch.setenv("FLOORBROKER_HISTORY", f"{history}")
    told = prompt.type(
        "rebalance", f"{prompt.folder / 'w.csv'}", "--algo", "vwap", "--end", "5s", "--yes"
    )
    assert told.code == 1
    assert "no volume curve for AAPL" in told.out
    assert parents_of(prompt) == []
