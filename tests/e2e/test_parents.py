"""Parent orders as people use them: at the prompt, from a script, with algorithms of their own."""

import asyncio
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from floorbroker import InvalidOrder
from floorbroker import sync as scripts
from floorbroker.clock import NS_PER_S
from floorbroker.config import load
from floorbroker.desk import Desk
from floorbroker.domain.amounts import Qty
from floorbroker.domain.books.earlier import DayStats, Earlier, VolumeCurve, Wanted
from floorbroker.domain.books.parents import ParentState
from floorbroker.domain.errors import Halted
from floorbroker.execution.algos.port import Decision, NewChild
from tests.e2e.prompt import Prompt

QUICK = ("--end", "3s", "--param", "slices=2", "--param", "style=cross")


@pytest.fixture
def prompt(prompt: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prompt:
    monkeypatch.setenv("FLOORBROKER_HOME", str(tmp_path / "home"))
    return prompt


def at_once(parent: Any, market: Any, now_ns: int) -> Decision:
    """All that is left, at the far touch."""
    if not parent.remaining or market.blind:
        return Decision(why="waits", wake_ns=now_ns + 1_000_000_000)
    price = market.touch.far(parent.request.side)
    return Decision(commands=(NewChild(qty=parent.remaining, price=price),), why="takes it")


def test_an_order_is_worked_from_one_command(prompt: Prompt) -> None:
    told = prompt.type("order", "submit", "buy", "30", "AAPL", "--algo", "twap", *QUICK, "--json")
    assert told.code == 0, told.err
    status = told.document()
    assert (status["state"], status["filled"], status["symbol"]) == ("done", "30", "AAPL")
    shown = prompt.type("algo", "show", status["parent_id"])
    assert "done  buy 30 AAPL twap  30 filled at" in shown.out
    assert prompt.type("algo", "list").out.startswith(status["parent_id"])


def test_a_parent_is_left_changed_and_canceled_from_one_command_to_the_next(
    prompt: Prompt,
) -> None:
    told = prompt.type(
        *("algo", "submit", "buy", "30", "AAPL", "--algo", "iceberg", "--end", "1h"),
        *("--param", "display=10", "--limit", "1", "--wait", "0.1", "--json"),
    )
    name = told.document()["parent_id"]
    assert (told.code, told.document()["state"]) == (0, "working")
    assert prompt.type("algo", "pause", name, "--reason", "news").code == 0
    assert "because: news" in prompt.type("algo", "show", name).out
    assert prompt.type("algo", "resume", name).code == 0
    changed = prompt.type("algo", "replace", name, "--qty", "20", "--json").document()
    assert (changed["qty"], changed["state"]) == ("20", "working")
    assert prompt.type("algo", "watch", name, "--timeout", "0.1").code == 1
    ended = prompt.type("algo", "cancel", name, "--json")
    assert (ended.code, ended.document()["state"]) == (0, "canceled")


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (
            ("--algo", "vwpa", "--end", "5m"),
            1,
            "--algo: 'vwpa' is not valid; did you mean \"vwap\"",
        ),
        (("--algo", "twap", "--end", "16:30"), 1, "--end: 2026-06-01 20:30:00 UTC"),
        (("--algo", "twap"), 2, "--end: missing; write --algo vwap --end 15:55"),
        (("--algo", "twap", "--end", "soon"), 2, "--end: 'soon': write a while"),
        (("--algo", "twap", "--end", "5m", "--tif", "gtc"), 2, "--algo: right is SIDE QTY SYMBOL"),
        (("--algo", "twap", "--end", "5m", "--param", "slices"), 2, "write NAME=VALUE"),
        (("--algo", "twap", "--end", "5m", "--param", "slices=0"), 1, "--param slices: 0"),
        (("--end", "5m"), 2, "--algo: missing"),
    ],
)
def test_what_cannot_be_meant_names_the_option(
    prompt: Prompt, words: tuple[str, ...], code: int, complaint: str
) -> None:
    told = prompt.type("order", "submit", "buy", "30", "AAPL", *words)
    assert (told.code, told.out) == (code, "")
    assert complaint in told.err


def test_an_unknown_symbol_and_a_coin_are_refused(prompt: Prompt) -> None:
    for symbol, why in (("NOSUCH", "lists no such instrument"), ("BTC/USD", "coins are not")):
        told = prompt.type("order", "submit", "buy", "1", symbol, "--algo", "twap", *QUICK)
        assert told.code == 1
        assert f"SYMBOL: {symbol} is not valid" in told.err
        assert why in told.err


def test_a_script_works_an_order_by_an_algorithm_of_its_own(prompt: Prompt) -> None:
    with scripts.Desk.open(algos={"at-once": at_once}) as desk:
        news: list[Any] = []

        def listen() -> None:
            for status in desk.parents.updates():
                news.append(status)
                if status.is_ended:
                    return

        listener = threading.Thread(target=listen)
        listener.start()
        while not desk._desk.parents._door.board._readers:
            os.sched_yield()
        parent = desk.parents.submit(
            "buy", 40, "AAPL", algo="at-once", end=timedelta(minutes=1), strategy="mine"
        )
        parent = desk.parents.wait(parent.parent_id, timeout_s=20)
        listener.join(timeout=20)
        assert (parent.state, parent.filled) == (ParentState.DONE, Qty(40))
        assert [one.state for one in news][-1] is ParentState.DONE
        assert [one.parent_id for one in desk.parents.list()] == [parent.parent_id]
        (child,) = desk.get_all_orders()
        assert child.cl_ord_id == f"{parent.parent_id}~1"
        assert child.request.strategy == "mine"


def test_a_name_that_is_taken_opens_no_desk() -> None:
    with pytest.raises(InvalidOrder, match=r"algos: twap.*taken"):
        Desk.open(load({}), algos={"twap": at_once})


async def test_earlier_days_are_asked_where_nothing_is_given(prompt: Prompt) -> None:
    stats = DayStats(adv=Qty(9).decimal, source="test")
    asked: list[str] = []

    async def earlier(wanted: Wanted) -> Earlier:
        asked.append(wanted.symbol)
        shares = (Qty(2).decimal, Qty(1).decimal)
        edges = tuple(wanted.start_ns + minutes * 60 * NS_PER_S for minutes in (0, 5, 10))
        curve = VolumeCurve(edges_ns=edges, shares=shares, source="test")
        return Earlier(curve=curve, stats=stats)

    async with Desk.open() as desk:
        parts = desk._open
        parts.earlier = earlier
        end = timedelta(minutes=10)
        told = await desk.parents.submit("buy", 30, "AAPL", algo="vwap", end=end)
        given = await desk.parents.submit(
            "buy", 30, "AAPL", algo="vwap", end=end, curve=[1, 3], stats=stats
        )
        assert asked == ["AAPL"]
        crew = parts.engine._crew
        assert crew is not None
        order = crew.state.parents.live[told.parent_id].order
        assert (order.stats, order.curve and order.curve.source) == (stats, "test")
        order = crew.state.parents.live[given.parent_id].order
        assert order.curve is not None
        assert order.curve.source == "given"


async def test_who_waits_for_a_parent_hears_that_the_desk_has_died(prompt: Prompt) -> None:
    async with Desk.open() as desk:
        parent = await desk.parents.submit(
            "buy", 30, "AAPL", algo="twap", end=timedelta(hours=1), limit="1"
        )
        waiting = asyncio.ensure_future(desk.parents.wait(parent.parent_id))
        await asyncio.sleep(0)
        desk._open.engine._inbox.fail(Halted("a test"))
        with pytest.raises(Halted, match="a test"):
            await waiting
