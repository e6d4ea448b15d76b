"""Activities explain an account: what they say, added up, is its cash and its positions."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange_actions.kit import action, split
from tests.unit.exchange_front.conftest import Client, an_exchange

D = Decimal
SYMBOLS = ("AAPL", "MSFT", "WHOLE")


def actions_of(random: Random) -> tuple[CorporateAction, ...]:
    """Two weeks with a few actions of every kind that moves something."""
    made: list[CorporateAction] = []
    for _ in range(12):
        symbol = random.choice(SYMBOLS)
        day = f"2026-06-{random.randrange(2, 13):02d}"
        match random.randrange(5):
            case 0:
                made.append(split(1, random.randrange(2, 6), symbol, day))
            case 1:
                made.append(split(random.randrange(2, 9), 1, symbol, day))
            case 2:
                made.append(
                    action(
                        "stock_dividend",
                        symbol,
                        rate=f"0.{random.randrange(1, 20):02d}",
                        ex_date=day,
                    )
                )
            case 3:
                fields = {"source_rate": random.randrange(1, 9), "new_rate": 1, "ex_date": day}
                made.append(action("spin_off", symbol, new_symbol="INTC", **fields))
            case _:
                rate = f"0.{random.randrange(1, 999):03d}"
                pay = f"2026-06-{random.randrange(12, 16):02d}"
                made.append(
                    action("cash_dividend", symbol, rate=rate, ex_date=day, payable_date=pay)
                )
    return tuple({each.id: each for each in made}.values())


async def trade(client: Client, random: Random) -> None:
    """Orders of one morning, a bust and a correction among them now and then."""
    for symbol in (*SYMBOLS, "INTC"):
        px = random.randrange(20, 200)
        await client.quote(symbol, f"{px}.01", f"{px}.0{random.randrange(2, 9)}")
    for _ in range(4):
        side = random.choice(("buy", "buy", "sell"))
        fields = {
            "symbol": random.choice(SYMBOLS),
            "side": side,
            "qty": str(random.randrange(1, 60)),
        }
        await client.send(
            "POST", "/v2/orders", {**fields, "type": "market", "time_in_force": "day"}
        )
    fills = await client.ask("GET", "/_exchange/fills")
    if fills and random.random() < 0.6:
        body = {"execution_id": random.choice(fills)["execution_id"]}
        if random.random() < 0.5:
            await client.send("POST", "/_exchange/bust", body)
        else:
            body |= {"price": f"{random.randrange(20, 200)}.07", "qty": "1"}
            await client.send("POST", "/_exchange/correct-fill", body)


async def rows_of(client: Client) -> list[Any]:
    rows: list[Any] = []
    query = {"direction": "asc", "page_size": "7"}
    while page := await client.ask("GET", "/v2/account/activities", **query):
        rows += page
        query["page_token"] = page[-1]["id"]
    return rows


def added_up(rows: list[Any]) -> tuple[Decimal, dict[str, Decimal]]:
    """What the rows come to; a busted fill's row is undone by the row that names it."""
    cash, held = D(0), dict.fromkeys((*SYMBOLS, "INTC"), D(0))
    for row in rows:
        if row["activity_type"] == "FILL":
            signed = D(row["qty"]) * (1 if row["side"] == "buy" else -1)
            cash -= signed * D(row["price"])
            held[row["symbol"]] += signed
        else:
            cash += D(row["net_amount"])
            if row["activity_type"] in ("SPLIT", "SPIN") or row.get("activity_sub_type") == "SDIV":
                held[row["symbol"]] += D(row["qty"])
    return cash, {symbol: qty for symbol, qty in held.items() if qty}


@pytest.mark.parametrize("seed", range(12))
async def test_what_the_activities_say_adds_up_to_cash_and_positions(seed: int) -> None:
    random = Random(seed)
    rules = VenueRules(charges_fees=True, checks_wash_trades=False)
    actions = actions_of(random)
    async with an_exchange(corporate_actions=actions, rules=rules) as client:
        for day in range(1, 17):
            await client.ask("POST", "/_exchange/clock", {"to": f"2026-06-{day:02d}T15:00:00Z"})
            if day % 7 < 6:
                await trade(client, random)
            rows = await rows_of(client)
            cash, held = added_up(rows)
            told = {
                each["symbol"]: D(each["qty"]) for each in await client.ask("GET", "/v2/positions")
            }
            assert held == told
            account = client.front.server.venue.account("PK1")
            assert cash == account.cash
            equity = account.cash + sum(
                (each.qty * account.mark(each.symbol) for each in account.positions.values()), D(0)
            )
            assert abs(equity - account.equity) < D("1e-12")
        kinds = {row["activity_type"] for row in rows}
        assert {"JNLC", "FILL", "FEE"} <= kinds
        assert len(kinds) > 3, "no corporate action moved anything"
