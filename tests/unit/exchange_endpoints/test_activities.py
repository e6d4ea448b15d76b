"""Activities: fills and fees, paged and filtered."""

import pytest

from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually

PATH = "/v2/account/activities"


async def fills(client: Client, count: int) -> list[str]:
    """So many executions, one order each; their ids, oldest first."""
    for _ in range(count):
        await client.order(qty="1")
    truth = await client.ask("GET", "/_exchange/fills")
    return [fill["execution_id"] for fill in truth]


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_activities_page_each_fill_exactly_once(client: Client, direction: str) -> None:
    ids = await fills(client, 11)
    expected = ids if direction == "asc" else ids[::-1]
    for path in ("/v2/account/activities", "/v2/account/activities/FILL"):
        for size in (1, 2, 3, 10, 11, 12, 100):
            seen: list[str] = []
            query = {"direction": direction, "page_size": str(size)}
            while True:
                page = await client.ask("GET", path, **query)
                seen += [row["id"] for row in page]
                if len(page) < size:
                    break
                query["page_token"] = page[-1]["id"]
            if path.endswith("activities"):  # the first cash is the first of all
                del seen[0 if direction == "asc" else -1]
            assert [one.partition("::")[2] for one in seen] == expected


def test_activities_filter_by_time_day_and_order() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            first = await client.order(qty="1")
            await client.ask("POST", "/_exchange/clock", {"advance": 60})
            second = await client.order(qty="2")

            async def orders(**query: str) -> list[str]:
                rows = await client.ask("GET", "/v2/account/activities/FILL", **query)
                return [row["order_id"] for row in rows]

            both = [second["id"], first["id"]]
            assert await orders() == await orders(date="2026-06-01") == both
            assert await orders(date="2026-05-31") == await orders(date="2026-06-02") == []
            assert await orders(after="2026-06-01T14:00:30Z") == [second["id"]]
            assert await orders(until="2026-06-01T14:00:30Z") == [first["id"]]
            assert await orders(order_id=first["id"]) == [first["id"]]

    virtually(main)


async def test_activity_quantities_are_of_the_execution_and_add_up(client: Client) -> None:
    await client.quote(size=4)
    order = await client.order(qty="10")
    await client.quote(ask="187.3", size=100)
    rows = await client.ask("GET", "/v2/account/activities/FILL", direction="asc")
    assert [(row["qty"], row["cum_qty"], row["leaves_qty"], row["type"]) for row in rows] == [
        ("4", "4", "6", "partial_fill"),
        ("6", "10", "0", "fill"),
    ]
    assert {row["order_id"] for row in rows} == {order["id"]}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v2/account/activities/NOPE", {}),
        ("/v2/account/activities", {"activity_types": "FILL,NOPE"}),
        ("/v2/account/activities", {"activity_types": "FILL", "category": "trade_activity"}),
        ("/v2/account/activities", {"page_size": "101"}),
        ("/v2/account/activities", {"page_token": "20260601100000000::nobody"}),
        ("/v2/account/activities", {"date": "today"}),
        ("/v2/account/activities", {"date": "9999-12-31"}),
        ("/v2/account/activities", {"order_id": "7"}),
        ("/v2/account/activities", {"after": "noon"}),
        ("/v2/account/activities", {"direction": "up"}),
    ],
)
async def test_wrong_questions_about_activities_are_422(
    client: Client, path: str, query: dict[str, str]
) -> None:
    assert (await client.ask("GET", path, None, 422, **query))["code"] == 40010001


async def test_categories_part_fills_from_the_rest(client: Client) -> None:
    await fills(client, 1)
    path = "/v2/account/activities"
    assert len(await client.ask("GET", path, category="trade_activity")) == 1
    (other,) = await client.ask("GET", path, category="non_trade_activity")
    assert other["activity_type"] == "JNLC"
    assert await client.ask("GET", f"{path}/DIV") == []


def test_fees_stand_among_the_fills_in_the_order_of_time() -> None:
    async def main() -> None:
        async with an_exchange(rules=VenueRules(charges_fees=True)) as client:
            await client.quote()
            await client.order(qty="100")
            await client.order(qty="100", side="sell")
            await client.ask("POST", "/_exchange/clock", {"to": "2026-06-02T14:00:00Z"})
            await client.order(qty="1")
            first_cash, *rows = await client.ask("GET", PATH, direction="asc")
            assert (first_cash["activity_type"], first_cash["net_amount"]) == ("JNLC", "100000")
            kinds = [row["activity_type"] for row in rows]
            assert kinds == ["FILL", "FILL", "FEE", "FEE", "FEE", "FILL"]
            fees = await client.ask("GET", f"{PATH}/FEE", direction="asc")
            assert fees == rows[2:5]
            assert {fee["activity_sub_type"] for fee in fees} == {"REG", "TAF", "CAT"}
            assert all(fee["net_amount"].startswith("-") for fee in fees)
            assert {fee["date"] for fee in fees} == {"2026-06-01"}
            other = await client.ask("GET", PATH, category="non_trade_activity")
            assert other == [*fees[::-1], first_cash]
            assert await client.ask("GET", PATH, activity_types="fee,div") == fees[::-1]
            assert await client.ask("GET", PATH, activity_types="MISC") == other
            assert await client.ask("GET", PATH, activity_types="TRANS") == []
            one = await client.ask("GET", PATH, order_id=rows[0]["order_id"])
            assert one == rows[:1]
            rest = await client.ask("GET", PATH, direction="asc", page_token=fees[0]["id"])
            assert rest == rows[3:]

    virtually(main)
