"""kill -9 of a desk in every state of a bracket's life, with an exchange that is a process too.

Each life is a row of the table: what happens before, what the desk is doing as it dies and where,
what happens while it is dead, and how the group stands once it is back; then the life goes on to
its end. The market stands still but for what a life says. At both times there is one bracket at
the exchange, both books are the same, and nothing was sent twice.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import Struct

from tests.crash.stage import NAME, Desk, Market, agree, cells

TERMS = {"limit_price": "99", "take_profit": "110", "stop_loss": "90", "cl_ord_id": NAME}


class Life(Struct, frozen=True, kw_only=True):
    """`doing` is the last that the desk is told; it kills itself at the boundary `dies`, or is
    killed as soon as the exchange shows `shows` ("ID STATUS") and the desk, if it can, `sees`."""

    before: tuple[str, ...] = ("submit",)
    faults: str = ""
    doing: str = ""
    dies: str = ""
    shows: str = ""
    sees: str = ""
    dead: tuple[str, ...] = ()
    back: str
    then: tuple[str, ...] = ()
    end: str
    stop_loss_limit: str = ""

    @property
    def submit(self) -> str:
        more = {"stop_loss_limit": self.stop_loss_limit} if self.stop_loss_limit else {}
        return f"submit bracket {json.dumps({**TERMS, **more})}"


FILL = ("offer 99 100",)
PROFIT = ("bid 110 100",)
WAITS = "new 0/100 | held 0/100 | held 0/100"
FILLED = "filled 100/100 | new 0/100 | held 0/100"
PROFITED = "filled 100/100 | filled 100/100 | canceled 0/100"
CANCELED = "canceled 0/100 | canceled 0/100 | canceled 0/100"
TO_PROFIT: dict[str, Any] = {"then": (*FILL, *PROFIT), "end": PROFITED}


def slow(method: str) -> str:
    """Requests of this kind are carried out, and answered much later."""
    return json.dumps({"fault": [{"kind": "late_answer", "method": method, "seconds": 90}]})


def deaf(event: str) -> str:
    return json.dumps({"fault": [{"kind": "stream_lose", "event": event}]})


LIVES = {
    "before the request is durable": Life(
        before=(),
        doing="submit",
        dies="append RequestSent new",
        back="",
        then=("submit",),
        end=WAITS,
    ),
    "durable, not on the wire": Life(
        before=(),
        doing="submit",
        dies="request POST /v2/orders",
        back="not_placed 0/100",
        end="same",
    ),
    "sent, not answered": Life(
        before=(),
        faults=slow("POST"),
        doing="submit",
        shows=f"{NAME} new",
        back=WAITS,
        **TO_PROFIT,
    ),
    "sent, not answered, filled meanwhile": Life(
        before=(),
        faults=slow("POST"),
        doing="submit",
        shows=f"{NAME} new",
        dead=FILL,
        back=FILLED,
        then=PROFIT,
        end=PROFITED,
    ),
    "answered, not heard": Life(
        before=(), doing="submit", dies="answered POST /v2/orders", back=WAITS, **TO_PROFIT
    ),
    "pending new": Life(
        before=(),
        faults=deaf("new"),
        doing="submit",
        shows=f"{NAME} new",
        sees=f"{NAME} pending_new",
        back=WAITS,
        **TO_PROFIT,
    ),
    "new": Life(sees=f"{NAME} new", back=WAITS, **TO_PROFIT),
    "new, filled in part meanwhile": Life(
        sees=f"{NAME} new",
        dead=("offer 99 40",),
        back="partially_filled 40/100 | held 0/100 | held 0/100",
        then=("offer 99 60", *PROFIT),
        end=PROFITED,
    ),
    "new, filled and ended meanwhile": Life(
        sees=f"{NAME} new", dead=(*FILL, *PROFIT), back=PROFITED, end="same"
    ),
    "partly filled": Life(
        before=("submit", "offer 99 40"),
        sees=f"{NAME} partially_filled",
        dead=("offer 99 60",),
        back=FILLED,
        then=PROFIT,
        end=PROFITED,
    ),
    "partly filled, expired meanwhile": Life(
        before=("submit", "offer 99 40"),
        sees=f"{NAME} partially_filled",
        dead=("close",),
        back="expired 40/100 | canceled 0/100 | canceled 0/100",
        end="same",
    ),
    "filled, the legs on their way": Life(
        doing="offer 99 100", shows=f"{NAME} filled", back=FILLED, then=PROFIT, end=PROFITED
    ),
    "the profit works": Life(
        before=("submit", *FILL),
        sees=f"{NAME}/tp new",
        dead=("bid 110 30",),
        back="filled 100/100 | partially_filled 30/100 | held 0/70",
        then=("bid 110 70",),
        end="filled 100/100 | filled 100/100 | canceled 0/70",
    ),
    "the profit partly taken": Life(
        before=("submit", *FILL, "bid 110 30"),
        sees=f"{NAME}/tp partially_filled",
        dead=("market 90",),
        back="filled 100/100 | canceled 30/100 | filled 70/70",
        end="same",
    ),
    "the stop works": Life(
        stop_loss_limit="88",
        before=("submit", *FILL, "quote 87 91", "print 90"),
        sees=f"{NAME}/sl new",
        dead=("bid 88 60",),
        back="filled 100/100 | canceled 0/100 | partially_filled 60/100",
        then=("bid 88 40",),
        end="filled 100/100 | canceled 0/100 | filled 100/100",
    ),
    "the stop triggers": Life(
        before=("submit", *FILL),
        doing="market 90",
        back="filled 100/100 | canceled 0/100 | filled 100/100",
        end="same",
    ),
    "one leg filled, the other's end not heard": Life(
        before=("submit", *FILL),
        faults=deaf("canceled"),
        doing="bid 110 100",
        sees=f"{NAME}/tp filled",
        back=PROFITED,
        end="same",
    ),
    "cancel not on the wire": Life(
        doing=f"cancel {NAME}", dies="request DELETE /v2/orders/", back=CANCELED, end="same"
    ),
    "cancel not on the wire, filled meanwhile": Life(
        doing=f"cancel {NAME}",
        dies="request DELETE /v2/orders/",
        dead=FILL,
        back=FILLED,
        then=PROFIT,
        end=PROFITED,
    ),
    "cancel not answered": Life(
        faults=slow("DELETE"),
        doing=f"cancel {NAME}",
        shows=f"{NAME} canceled",
        back=CANCELED,
        end="same",
    ),
    "cancel of a leg not on the wire": Life(
        before=("submit", *FILL),
        doing=f"cancel {NAME}/sl",
        dies="request DELETE /v2/orders/",
        back="filled 100/100 | canceled 0/100 | canceled 0/100",
        end="same",
    ),
    "replace of the entry not on the wire": Life(
        doing=f'replace {NAME} {{"limit_price": "98"}}',
        dies="request PATCH /v2/orders/",
        back=WAITS,
        **TO_PROFIT,
    ),
    "replace of the entry not answered": Life(
        faults=slow("PATCH"),
        doing=f'replace {NAME} {{"qty": "60", "limit_price": "98"}}',
        shows=f"{NAME}.1 new",
        back="new 0/60 +1 | held 0/60 | held 0/60",
        then=("offer 98 60", "bid 110 60"),
        end="filled 60/60 +1 | filled 60/60 | canceled 0/60",
    ),
    "replace of the entry not answered, filled meanwhile": Life(
        faults=slow("PATCH"),
        doing=f'replace {NAME} {{"limit_price": "98"}}',
        shows=f"{NAME}.1 new",
        dead=("offer 98 100",),
        back="filled 100/100 +1 | new 0/100 | held 0/100",
        then=PROFIT,
        end="filled 100/100 +1 | filled 100/100 | canceled 0/100",
    ),
    "replace of a leg not on the wire": Life(
        before=("submit", *FILL),
        doing=f'replace {NAME}/tp {{"limit_price": "108"}}',
        dies="request PATCH /v2/orders/",
        back=FILLED,
        then=PROFIT,
        end=PROFITED,
    ),
    "replace of a leg not answered": Life(
        before=("submit", *FILL),
        faults=slow("PATCH"),
        doing=f'replace {NAME}/tp {{"limit_price": "108"}}',
        shows=f"{NAME}/tp.1 new",
        dead=("bid 108 30",),
        back="filled 100/100 | partially_filled 30/100 +1 | held 0/70",
        then=("bid 108 70",),
        end="filled 100/100 | filled 100/100 +1 | canceled 0/70",
    ),
    "expired": Life(
        before=("submit", "close"),
        sees=f"{NAME} expired",
        back="expired 0/100 | canceled 0/100 | canceled 0/100",
        end="same",
    ),
    "filled, the legs expired meanwhile": Life(
        before=("submit", *FILL),
        sees=f"{NAME}/tp new",
        dead=("close",),
        back="filled 100/100 | expired 0/100 | expired 0/100",
        end="same",
    ),
}


async def act(life: Life, words: str, desk: Desk, market: Market) -> None:
    if words.split()[0] in ("submit", "replace", "cancel"):
        desk.tell(life.submit if words == "submit" else words)
    else:
        await market.act(words)


async def its_death(life: Life, desk: Desk, market: Market) -> None:
    """It kills itself, or is killed in the state that the life names."""
    if life.dies:
        await desk.died()
        return
    if life.shows:
        await market.shows(life.shows)
    if life.sees:
        await desk.sees(life.sees)
    await desk.kill()


async def lived(life: Life, home: Path, url: str) -> None:
    market = Market(url)
    await market.begin()
    desk = await Desk.open(home, url, life.dies)
    for words in life.before:
        await act(life, words, desk, market)
        await desk.told("stands")
    if life.faults:
        await market.ask("PUT", "faults", life.faults)
    if life.doing:
        await act(life, life.doing, desk, market)
    await its_death(life, desk, market)
    await market.ask("DELETE", "faults")
    for words in life.dead:
        await market.act(words)
    desk = await Desk.open(home, url)
    orders = await desk.told("stands")
    assert cells(orders) == life.back
    await agree(home, market, orders)
    for words in life.then:
        await act(life, words, desk, market)
        orders = await desk.told("stands")
    assert cells(orders) == (life.back if life.end == "same" else life.end)
    await agree(home, market, orders)
    await desk.close()
    await market.aclose()


@pytest.mark.proves("C06", "C09", "C10", "C14", "C15", "C19", "C20", "C21", "C22")
@pytest.mark.parametrize("name", LIVES)
async def test_a_bracket_survives_a_kill_in_every_state(
    name: str, tmp_path: Path, url: str
) -> None:
    await lived(LIVES[name], tmp_path, url)


@pytest.mark.soak
@pytest.mark.timeout(1200)
async def test_kills_at_random_instants_of_every_life(tmp_path: Path, url: str) -> None:
    """The same lives, killed some instant after the last word instead of where they say."""
    seed = int(os.environ.get("DESK_KILL_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    sys.stdout.write(f"seed {seed}; the same kills again: DESK_KILL_SEED={seed}\n")
    random = Random(seed)
    for number in range(60):
        home = tmp_path / str(number)
        home.mkdir()
        await at_random(random.choice(list(LIVES.values())), home, url, random)


async def at_random(life: Life, home: Path, url: str, random: Random) -> None:
    market = Market(url)
    await market.begin()
    desk = await Desk.open(home, url)
    steps = [*life.before, *([life.doing] if life.doing else ()), *life.dead]
    last = random.randrange(len(steps))
    for number, words in enumerate(steps):
        is_ours = words.split()[0] in ("submit", "replace", "cancel")
        if number <= last or not is_ours:
            await act(life, words, desk, market)
        if number < last:
            await desk.told("stands")
        elif number == last:
            await asyncio.sleep(random.uniform(0, 0.02))
            await desk.kill()
    desk = await Desk.open(home, url)
    await agree(home, market, await desk.told("stands"))
    await market.act("close")
    orders = await desk.told("stands")
    assert not [row for row in orders.values() if row["ended_time"] is None]
    await agree(home, market, orders)
    await desk.close()
    await market.aclose()
