"""Corporate actions on an exchange whose market is a tape that it plays again after a restart."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Quote, Trade
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.tape import Tape
from tests.unit.exchange_actions.kit import split
from tests.unit.exchange_front.conftest import START_NS, Client, an_exchange

HOUR_NS = 3600 * NS_PER_S


def a_tape() -> Tape:
    """A quote and a print on the first day, and on the day of the split, at a quarter."""
    facts = [
        fact
        for hours, px in ((1, 100), (49, 25))
        for fact in (
            Quote(
                symbol="AAPL",
                time_ns=START_NS + hours * HOUR_NS,
                bid_px=Decimal(px),
                bid_size=Decimal(500),
                ask_px=Decimal(px),
                ask_size=Decimal(500),
            ),
            Trade(
                symbol="AAPL",
                time_ns=START_NS + hours * HOUR_NS + 1,
                px=Decimal(px),
                size=Decimal(100),
            ),
        )
    ]
    return Tape([facts], symbols=["AAPL"], start_ns=START_NS)


async def to(client: Client, time: str) -> None:
    await client.ask("POST", "/_exchange/clock", {"to": time})


async def test_what_the_tape_said_of_the_old_shares_says_nothing_after_a_restart(
    tmp_path: Path,
) -> None:
    file = tmp_path / "exchange.sqlite"
    settings: dict[str, Any] = {"make_tape": a_tape, "speed": 0}
    actions = (split(1, 4, ex_date="2026-06-03"),)
    told = []
    async with an_exchange(
        corporate_actions=actions, store=ExchangeStore(file), **settings
    ) as client:
        await to(client, "2026-06-01T16:00:00Z")
        await client.order(qty="10")
        for time in ("2026-06-03T06:00:00Z", "2026-06-03T16:00:00Z"):
            await to(client, time)
            told.append(await client.ask("GET", "/v2/positions"))
            again = ExchangeStore(file)
            async with an_exchange(corporate_actions=actions, store=again, **settings) as other:
                told.append(await other.ask("GET", "/v2/positions"))
                account = await other.ask("GET", "/v2/account")
                assert account["equity"] == "100000"
    assert told[0] == told[1]
    assert told[2] == told[3]
    assert [(one["qty"], one["current_price"]) for (one,) in told] == [("40", "25")] * 4
