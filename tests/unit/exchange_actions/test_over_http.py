"""Corporate actions as a client sees them: activities, events, history, restarts and controls."""

import json
from pathlib import Path
from typing import Any

import pytest

from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from tests.unit.exchange_actions.kit import action, split
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually

PATH = "/v2/account/activities"
SPLIT = split(1, 4, ex_date="2026-06-03")
DIVIDEND = action("cash_dividend", rate="0.5", ex_date="2026-06-02", payable_date="2026-06-04")
REVERSE = split(8, 1, "WHOLE", ex_date="2026-06-03")
ALL = (SPLIT, DIVIDEND, REVERSE)


async def to(client: Client, time: str) -> None:
    await client.ask("POST", "/_exchange/clock", {"to": time})


async def bought(client: Client) -> None:
    """Ten AAPL and twenty WHOLE."""
    await client.quote()
    await client.quote("WHOLE", "10", "10.1")
    await client.order(qty="10")
    await client.order(symbol="WHOLE", qty="20")


async def kinds(client: Client, **query: str) -> list[str]:
    rows = await client.ask("GET", PATH, **{"direction": "asc", **query})
    return [row["activity_type"] for row in rows]


async def test_rows_that_are_no_trades_are_listed_filtered_and_paged() -> None:
    async with an_exchange(corporate_actions=ALL) as client:
        await bought(client)
        await to(client, "2026-06-05T14:00:00Z")
        everything = ["JNLC", "FILL", "FILL", "SPLIT", "SPLIT", "DIV"]
        assert await kinds(client) == everything
        assert await kinds(client, category="non_trade_activity") == [
            "JNLC",
            "SPLIT",
            "SPLIT",
            "DIV",
        ]
        assert await kinds(client, category="trade_activity") == ["FILL", "FILL"]
        assert await kinds(client, activity_types="DIV,FILL") == ["FILL", "FILL", "DIV"]
        assert await kinds(client, date="2026-06-03") == ["SPLIT", "SPLIT"]
        assert await kinds(client, after="2026-06-03T00:00:00Z") == ["DIV"]
        assert await kinds(client, until="2026-06-03T00:00:00Z") == ["JNLC", "FILL", "FILL"]
        assert await kinds(client, activity_types="MISC") == ["JNLC", "SPLIT", "SPLIT"]
        rows = await client.ask("GET", PATH)
        paged: list[Any] = []
        query = {"page_size": "2"}
        while page := await client.ask("GET", PATH, **query):
            paged += page
            query["page_token"] = page[-1]["id"]
        assert paged == rows
        assert [row["activity_type"] for row in rows] == everything[::-1]
        (dividend,) = await client.ask("GET", f"{PATH}/DIV")
        assert dividend == {
            "id": dividend["id"],
            "activity_type": "DIV",
            "activity_sub_type": "CDIV",
            "date": "2026-06-04",
            "created_at": "2026-06-04T04:00:00Z",
            "net_amount": "5",
            "symbol": "AAPL",
            "cusip": "000000000",
            "qty": "10",
            "per_share_amount": "0.5",
            "description": "cash dividend of 0.5 on 10 AAPL",
            "currency": "USD",
            "status": "executed",
        }
        splits = await client.ask("GET", f"{PATH}/SPLIT", direction="asc")
        by_symbol = {row["symbol"]: row for row in splits}
        assert (by_symbol["AAPL"]["qty"], by_symbol["AAPL"]["net_amount"]) == ("30", "0")
        assert (by_symbol["WHOLE"]["qty"], by_symbol["WHOLE"]["net_amount"]) == ("-18", "40.2")


async def test_without_the_switch_the_first_cash_is_no_activity() -> None:
    async with an_exchange(rules=VenueRules(journals_first_cash=False)) as client:
        assert await kinds(client) == []
        assert (await client.ask("GET", "/v2/account"))["cash"] == "100000"


@pytest.mark.parametrize(("is_listed", "sizes"), [(True, ["10", "-10"]), (False, ["10"])])
async def test_a_bust_is_a_row_where_the_switch_says_so(is_listed: bool, sizes: list[str]) -> None:
    rules = VenueRules(lists_busts=is_listed)
    async with an_exchange(rules=rules) as client:
        await client.quote()
        await client.order(qty="10")
        (fill,) = await client.ask("GET", "/_exchange/fills")
        bust = {"execution_id": fill["execution_id"]}
        await client.ask("POST", "/_exchange/bust", bust)
        rows = await client.ask("GET", f"{PATH}/FILL", direction="asc")
        assert [row["qty"] for row in rows] == sizes


async def test_equity_and_its_history_do_not_notice_a_split() -> None:
    async with an_exchange(corporate_actions=ALL) as client:
        await client.quote()
        await client.order(qty="10")
        trade = {"symbol": "AAPL", "price": "188", "size": 9}
        await client.ask("POST", "/_exchange/trade", trade)
        await to(client, "2026-06-02T15:00:00Z")
        await client.ask("POST", "/_exchange/trade", trade)
        await to(client, "2026-06-02T23:59:00Z")
        before = await client.ask("GET", "/v2/account")
        await to(client, "2026-06-03T12:00:00Z")
        after = await client.ask("GET", "/v2/account")
        for figure in ("equity", "last_equity", "cash", "long_market_value", "buying_power"):
            assert before[figure] == after[figure], figure
        (position,) = await client.ask("GET", "/v2/positions")
        assert (position["qty"], position["current_price"]) == ("40", "47")
        assert (position["lastday_price"], position["unrealized_intraday_pl"]) == ("47", "0")
        trade = {"symbol": "AAPL", "price": "48", "size": 9}
        await to(client, "2026-06-03T15:00:00Z")
        await client.ask("POST", "/_exchange/trade", trade)
        (position,) = await client.ask("GET", "/v2/positions")
        assert (position["lastday_price"], position["unrealized_intraday_pl"]) == ("47", "40")
        await to(client, "2026-06-04T15:00:00Z")
        await client.ask("POST", "/_exchange/trade", trade)
        (position,) = await client.ask("GET", "/v2/positions")
        assert (position["lastday_price"], position["market_value"]) == ("48", "1920")
        history = await client.ask(
            "GET",
            "/v2/account/portfolio/history",
            period="1W",
            timeframe="1H",
            intraday_reporting="continuous",
            cashflow_types="ALL",
        )
        equity = dict(zip(history["timestamp"], history["equity"], strict=True))
        midnight = 1_780_459_200  # the third of June in New York
        assert {equity[midnight + 3600 * n] for n in (-3, -2, -1, 0, 1, 2)} == {100_008}
        assert history["equity"][-1] == 100_000 - 1872 + 1920 + 5
        assert history["cashflow"]["DIV"][-1] == 5


async def test_everything_survives_a_kill_between_the_days(tmp_path: Path) -> None:
    async def told(client: Client) -> list[Any]:
        paths = (
            "/v2/account",
            "/v2/positions",
            "/v2/orders",
            PATH,
            "/_exchange/corporate-actions",
        )
        return [await client.ask("GET", path) for path in paths]

    announced = {
        "kind": "cash_dividend",
        "symbol": "WHOLE",
        "rate": "1.25",
        "ex_date": "2026-06-05",
        "payable_date": "2026-06-08",
    }
    days = [f"2026-06-0{day}T05:00:00Z" for day in range(2, 10)]
    stories = []
    for kills in (False, True):
        file = tmp_path / f"{kills}.sqlite"
        store = ExchangeStore(file)
        async with an_exchange(corporate_actions=ALL, store=store) as client:
            await bought(client)
            await client.order(qty="5", type="limit", limit_price="150", time_in_force="gtc")
            await client.ask("POST", "/_exchange/corporate-action", announced)
            story = []
            for day in days:
                await to(client, day)
                if kills:  # what was not committed is lost, and nobody says goodbye
                    again = ExchangeStore(file)
                    async with an_exchange(corporate_actions=ALL, store=again) as client2:
                        story.append(await told(client2))
                    again.close()
                else:
                    story.append(await told(client))
            stories.append(story)
    assert stories[0] == stories[1]
    assert stories[0][-1][0]["cash"] == "97973.7"  # 97926 and 40.2, 5, and 2.5 of two WHOLE


async def test_a_restart_goes_on_to_the_next_action(tmp_path: Path) -> None:
    file = tmp_path / "exchange.sqlite"
    async with an_exchange(corporate_actions=ALL, store=ExchangeStore(file)) as client:
        await bought(client)
        await to(client, "2026-06-02T12:00:00Z")  # entitled, and not paid yet
    async with an_exchange(corporate_actions=ALL, store=ExchangeStore(file)) as client:
        await to(client, "2026-06-05T12:00:00Z")
        assert await kinds(client) == ["JNLC", "FILL", "FILL", "SPLIT", "SPLIT", "DIV"]
        assert (await client.ask("GET", "/v2/positions/AAPL"))["qty"] == "40"
    async with an_exchange(corporate_actions=ALL, store=ExchangeStore(file)) as client:
        await to(client, "2026-06-08T12:00:00Z")
        assert len(await kinds(client)) == 6  # and not once more


async def test_a_reset_forgets_what_was_announced_and_keeps_what_was_given() -> None:
    async with an_exchange(corporate_actions=(SPLIT,)) as client:
        body = {"kind": "cash_dividend", "symbol": "AAPL", "rate": "1", "ex_date": "2026-06-02"}
        await client.ask("POST", "/_exchange/corporate-action", body)
        await bought(client)
        await to(client, "2026-06-05T12:00:00Z")
        assert await kinds(client) == ["JNLC", "FILL", "FILL", "DIV", "SPLIT"]
        await client.ask("POST", "/_exchange/reset")
        await bought(client)
        await to(client, "2026-06-05T12:00:00Z")
        assert await kinds(client) == ["JNLC", "FILL", "FILL", "SPLIT"]


async def test_what_is_announced_by_hand_is_listed_like_the_rest() -> None:
    async with an_exchange() as client:
        body = {"kind": "cash_dividend", "symbol": "AAPL", "rate": "1", "ex_date": "2026-06-02"}
        made = await client.ask("POST", "/_exchange/corporate-action", body)
        assert await client.ask("GET", "/_exchange/corporate-actions") == [made]
        listed = await client.ask(
            "GET", "/v1/corporate-actions", None, start="2026-06-02", end="2026-06-02"
        )
        (row,) = listed["corporate_actions"]["cash_dividends"]
        assert (row["id"], row["rate"]) == (made["id"], 1)
        one = await client.ask("GET", f"/v2/corporate_actions/announcements/{made['id']}")
        assert one["cash"] == "1"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ex_date": "2026-06-01"}, "ex_date: 2026-06-01 has begun; it must be ahead"),
        ({"symbol": "NOBODY"}, "symbol: NOBODY is not valid; it must be a listed symbol"),
        ({"rate": "-1"}, "rate: '-1' is not valid; it must be a number above zero"),
        ({"kind": "gift"}, "kind: 'gift' is not one of"),
    ],
)
async def test_a_wrong_announcement_is_422_and_changes_nothing(
    changes: dict[str, str], complaint: str
) -> None:
    body = {"kind": "cash_dividend", "symbol": "AAPL", "rate": "1", "ex_date": "2026-06-02"}
    async with an_exchange() as client:
        answer = await client.ask("POST", "/_exchange/corporate-action", {**body, **changes}, 422)
        assert complaint in answer["message"]
        assert await client.ask("GET", "/_exchange/corporate-actions") == []


def test_the_events_of_activities_tell_actions_as_they_come() -> None:
    async def main() -> None:
        async with an_exchange(corporate_actions=ALL) as client:
            await bought(client)
            await to(client, "2026-06-05T12:00:00Z")
            answer = await client.send(
                "GET", "/v2beta1/events/activities", None, since="2026-06-02", until="2026-06-05"
            )
            frames = [part for part in answer.body.decode().split("\n\n") if "data: " in part]
            told = [json.loads(frame.partition("data: ")[2]) for frame in frames]
            assert [each["activity_type"] for each in told] == ["SPLIT", "SPLIT", "DIV"]
            assert [each["event_id"] for each in told] == sorted(each["event_id"] for each in told)
            split_told = next(e for e in told if e["details"].get("symbol") == "AAPL")
            assert split_told["details"] == {
                "system_date": "2026-06-03",
                "position_date": "2026-06-02",
                "ca_id": SPLIT.id,
                "symbol": "AAPL",
                "old_cusip": "000000000",
                "new_cusip": "000000000",
                "old_rate": "1",
                "new_rate": "4",
                "old_qty": "10",
                "new_qty": "40",
                "ex_date": "2026-06-03",
            }
            assert told[2]["details"]["cash_payout"] == told[2]["net_amount"] == "5"

    virtually(main)


def test_an_action_of_a_symbol_that_nobody_listed_is_told_alone() -> None:
    async def main() -> None:
        stranger: CorporateAction = split(1, 2, "NOBODY", ex_date="2026-06-02")
        async with an_exchange(corporate_actions=(stranger,)) as client:
            await to(client, "2026-06-03T12:00:00Z")
            assert await kinds(client) == ["JNLC"]

    virtually(main)
