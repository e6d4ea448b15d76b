"""Corporate actions as announcements, and as the data host lists them."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from floorbroker.exchange.reference.actions import KINDS, CorporateAction
from tests.unit.exchange_front.conftest import Client, an_exchange

PATH = "/v2/corporate_actions/announcements"
SPAN = {"since": "2026-06-01", "until": "2026-08-30"}


def action(number: int, kind: str, symbol: str = "AAPL", **details: object) -> CorporateAction:
    fields = {name: Decimal(2) for name in KINDS[kind].needs if name.endswith("rate")}
    dates = {"ex_date": date(2026, 6, 10), "effective_date": date(2026, 6, 10)}
    fields |= {name: dates[name] for name in KINDS[kind].needs if name in dates}  # type: ignore[misc]  # mixed on purpose
    words = {name: "X" for name in KINDS[kind].needs if name not in fields}
    return CorporateAction(
        id=str(UUID(int=number)),
        kind=kind,
        symbol=symbol,
        cusip="037833100",
        process_date=date(2026, 6, number),
        details={**words, **fields, **details},  # type: ignore[dict-item]  # as above
    )


DIVIDEND = action(
    1,
    "cash_dividend",
    rate=Decimal("0.26"),
    special=False,
    foreign=False,
    record_date=date(2026, 6, 11),
    payable_date=date(2026, 6, 20),
)
SPLIT = action(2, "forward_split", "MSFT", old_rate=Decimal(1), new_rate=Decimal(4))
SPIN_OFF = action(3, "spin_off", "IBM", new_symbol="KD", new_cusip="50155Q100")
RENAMED = action(4, "name_change", "FB", new_symbol="META")
ALL = (RENAMED, SPIN_OFF, SPLIT, DIVIDEND)


@pytest.mark.parametrize("kind", KINDS)
def test_an_action_without_its_details_cannot_be_made(kind: str) -> None:
    if not KINDS[kind].needs:
        return
    with pytest.raises(ValueError, match=KINDS[kind].needs[0]):
        CorporateAction(id="x", kind=kind, symbol="A", cusip="1", process_date=date(2026, 6, 1))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of"):
        CorporateAction(id="x", kind="gift", symbol="A", cusip="1", process_date=date.min)


async def test_without_a_table_there_is_nothing(client: Client) -> None:
    assert await client.ask("GET", PATH, ca_types="dividend,split", **SPAN) == []
    await client.ask("GET", f"{PATH}/{UUID(int=1)}", None, 404)
    empty: dict[str, object] = {"corporate_actions": {}, "next_page_token": None}
    assert await client.ask("GET", "/v1/corporate-actions", symbols="AAPL") == empty


async def test_announcements_are_found_by_type_symbol_date_and_id() -> None:
    async with an_exchange(corporate_actions=ALL) as client:

        async def ids(**query: str) -> list[int]:
            asked = {"ca_types": "dividend,merger,spinoff,split", **SPAN, **query}
            return [UUID(row["id"]).int for row in await client.ask("GET", PATH, **asked)]

        assert await ids() == [1, 2, 3]
        assert await ids(ca_types="Split") == [2]
        assert await ids(symbol="ibm") == [3]
        assert await ids(since="2026-06-11") == [1]
        assert await ids(since="2026-06-11", date_type="ex_date") == []
        assert await ids(until="2026-06-20", since="2026-06-20", date_type="payable_date") == [1]
        one = await client.ask("GET", f"{PATH}/{DIVIDEND.id}")
        assert one["cash"] == "0.26"
        assert (one["ca_type"], one["ca_sub_type"]) == ("dividend", "cash")
        assert (one["ex_date"], one["payable_date"]) == ("2026-06-10", "2026-06-20")
        spin_off = await client.ask("GET", f"{PATH}/{SPIN_OFF.id}")
        assert (spin_off["initiating_symbol"], spin_off["target_symbol"]) == ("IBM", "KD")
        await client.ask("GET", f"{PATH}/{RENAMED.id}", None, 404)  # it has no announcement


@pytest.mark.parametrize(
    "changes",
    [
        {"ca_types": ""},
        {"ca_types": "dividend,gift"},
        {"since": ""},
        {"until": ""},
        {"until": "2026-08-31"},  # 91 days
        {"until": "2026-05-31"},
        {"since": "June"},
        {"date_type": "birthday"},
    ],
)
async def test_wrong_questions_are_422(client: Client, changes: dict[str, str]) -> None:
    query = {"ca_types": "dividend", **SPAN, **changes}
    refusal = await client.ask("GET", PATH, None, 422, **query)
    assert refusal["code"] == 40010001


async def test_the_data_host_lists_every_kind_in_pages() -> None:
    async with an_exchange(corporate_actions=ALL) as client:
        path, span = "/v1/corporate-actions", {"start": "2026-06-01", "end": "2026-06-30"}

        async def page(**query: str) -> tuple[list[int], str | None]:
            answer = await client.ask("GET", path, **{**span, **query})
            rows = [row for rows in answer["corporate_actions"].values() for row in rows]
            return [UUID(row["id"]).int for row in rows], answer["next_page_token"]

        assert await page() == ([1, 2, 3, 4], None)
        assert await page(start="", end="") == ([1], None)  # today
        first, token = await page(limit="3", sort="desc")
        assert first == [4, 3, 2]
        assert token
        assert await page(limit="3", sort="desc", page_token=token) == ([1], None)
        assert await page(types="name_change,spin_off") == ([3, 4], None)
        assert await page(symbols="MSFT,IBM") == ([2, 3], None)
        assert await page(region="non_us") == ([], None)
        by_id = await client.ask("GET", path, ids=f"{SPLIT.id},{RENAMED.id}")
        assert set(by_id["corporate_actions"]) == {"forward_splits", "name_changes"}


@pytest.mark.parametrize(
    "query",
    [
        {"types": "gift"},
        {"limit": "1001"},
        {"sort": "up"},
        {"ids": "x", "symbols": "AAPL"},
        {"start": "2026-06-02", "end": "2026-06-01"},
        {"start": "soon"},
        {"page_token": "x"},
        {"region": "mars"},
    ],
)
async def test_wrong_questions_to_the_data_host_are_400(
    client: Client, query: dict[str, str]
) -> None:
    assert (await client.ask("GET", "/v1/corporate-actions", None, 400, **query))["message"]
