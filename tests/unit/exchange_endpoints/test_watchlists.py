"""Watchlists by id and by name, per account, over a restart."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.store import ExchangeStore
from tests.unit.exchange_front.conftest import Client, an_exchange

LISTS = "/v2/watchlists"
BY_NAME = "/v2/watchlists:by_name"


def symbols(watchlist: dict[str, list[dict[str, str]]]) -> list[str]:
    return [asset["symbol"] for asset in watchlist["assets"]]


async def test_a_list_keeps_its_symbols_in_the_order_given(client: Client) -> None:
    made = await client.ask("POST", LISTS, {"name": "Mine", "symbols": ["MSFT", "AAPL"]})
    assert symbols(made) == ["MSFT", "AAPL"]
    assert made["account_id"] == (await client.ask("GET", "/v2/account"))["id"]
    assert await client.ask("GET", f"{LISTS}/{made['id']}") == made
    assert await client.ask("GET", BY_NAME, name="Mine") == made
    brief = {name: value for name, value in made.items() if name != "assets"}
    assert await client.ask("GET", LISTS) == [brief]


async def test_a_list_is_made_without_symbols(client: Client) -> None:
    made = await client.ask("POST", LISTS, {"name": "Empty"})
    assert made["assets"] == []


async def test_put_changes_what_is_given_alone(client: Client) -> None:
    made = await client.ask("POST", LISTS, {"name": "Mine", "symbols": ["AAPL"]})
    await client.ask("POST", "/_exchange/clock", {"advance": 60})
    path = f"{LISTS}/{made['id']}"
    renamed = await client.ask("PUT", path, {"name": "Yours"})
    assert (renamed["name"], symbols(renamed)) == ("Yours", ["AAPL"])
    assert renamed["created_at"] == made["created_at"] < renamed["updated_at"]
    replaced = await client.ask("PUT", BY_NAME, {"symbols": ["SPY", "BTC/USD"]}, name="Yours")
    assert (replaced["name"], symbols(replaced)) == ("Yours", ["SPY", "BTC/USD"])
    same = await client.ask("PUT", path, {"name": "Yours", "symbols": []})
    assert same["assets"] == []


async def test_symbols_are_added_at_the_end_and_removed(client: Client) -> None:
    made = await client.ask("POST", LISTS, {"name": "Mine", "symbols": ["AAPL", "BTC/USD"]})
    path = f"{LISTS}/{made['id']}"
    assert symbols(await client.ask("POST", path, {"symbol": "SPY"}))[-1] == "SPY"
    by_name = await client.ask("POST", BY_NAME, {"symbol": "QQQ"}, name="Mine")
    assert symbols(by_name) == ["AAPL", "BTC/USD", "SPY", "QQQ"]
    assert symbols(await client.ask("DELETE", f"{path}/AAPL")) == ["BTC/USD", "SPY", "QQQ"]
    assert symbols(await client.ask("DELETE", f"{path}/BTC%2FUSD")) == ["SPY", "QQQ"]


async def test_the_colon_of_by_name_may_be_escaped(client: Client) -> None:
    made = await client.ask("POST", LISTS, {"name": "A & B/ü"})
    found = await client.ask("GET", "/v2/watchlists%3Aby_name", name="A & B/ü")
    assert found == made


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_deleted_list_is_gone(client: Client, by_name: bool) -> None:
    made = await client.ask("POST", LISTS, {"name": "Mine"})
    path = f"{LISTS}/{made['id']}"
    if by_name:
        answer = await client.send("DELETE", BY_NAME, name="Mine")
    else:
        answer = await client.send("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    refusal = await client.ask("GET", path, None, 404)
    assert refusal == {"code": 40410000, "message": f"watchlist not found for {made['id']}"}
    await client.ask("DELETE", BY_NAME, None, 404, name="Mine")
    assert await client.ask("GET", LISTS) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "x" * 65}, "name must be no more than 64 characters"),
        ({"name": ""}, "watchlist is required"),
        ({}, "watchlist is required"),
        ({"name": "Taken"}, "watchlist name must be unique"),
        ({"name": "New", "symbols": ["FACEBOOK"]}, 'could not find asset "FACEBOOK"'),
        ({"name": "New", "symbols": ["AAPL", "AAPL"]}, 'asset "AAPL" is on the watchlist already'),
    ],
)
async def test_a_wrong_list_is_422_and_not_made(
    client: Client, body: dict[str, object], text: str
) -> None:
    await client.ask("POST", LISTS, {"name": "Taken"})
    refusal = await client.ask("POST", LISTS, body, 422)
    assert refusal == {"code": 40010001, "message": text}
    assert len(await client.ask("GET", LISTS)) == 1


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PUT", {"name": "Other"}),
        ("PUT", {"name": "y" * 65}),
        ("PUT", {"name": "Fresh", "symbols": ["FACEBOOK"]}),
        ("PUT", {}),
        ("POST", {"symbol": "AAPL"}),
        ("POST", {"symbol": "FACEBOOK"}),
        ("POST", {}),
    ],
)
async def test_a_wrong_change_is_422_and_changes_nothing(
    client: Client, method: str, body: dict[str, object]
) -> None:
    await client.ask("POST", LISTS, {"name": "Other"})
    made = await client.ask("POST", LISTS, {"name": "Mine", "symbols": ["AAPL"]})
    path = f"{LISTS}/{made['id']}"
    assert (await client.ask(method, path, body, 422))["code"] == 40010001
    assert await client.ask("GET", path) == made


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{LISTS}/7", 422),
        ("GET", f"{LISTS}/00000000-0000-0000-0000-000000000000", 404),
        ("PUT", f"{LISTS}/00000000-0000-0000-0000-000000000000", 404),
        ("DELETE", f"{LISTS}/00000000-0000-0000-0000-000000000000/AAPL", 404),
        ("GET", BY_NAME, 422),
        ("POST", LISTS, 400),
    ],
)
async def test_other_wrong_requests_are_refused(
    client: Client, method: str, path: str, status: int
) -> None:
    refusal = await client.ask(method, path, b"[", status)
    assert refusal["code"] // 100_000 in (400, 404)


async def test_a_symbol_that_is_not_on_the_list_is_404(client: Client) -> None:
    made = await client.ask("POST", LISTS, {"name": "Mine", "symbols": ["AAPL"]})
    for symbol in ("MSFT", "FACEBOOK"):
        await client.ask("DELETE", f"{LISTS}/{made['id']}/{symbol}", None, 404)


async def test_lists_belong_to_their_account(client: Client) -> None:
    made = await client.ask("POST", LISTS, {"name": "Mine"})
    other = Client(client.front, "PK2")
    assert await other.ask("GET", LISTS) == []
    await other.ask("GET", f"{LISTS}/{made['id']}", None, 404)
    await other.ask("POST", LISTS, {"name": "Mine"})


async def test_lists_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "exchange.sqlite"
    async with an_exchange(store=ExchangeStore(file)) as client:
        made = await client.ask("POST", LISTS, {"name": "Mine", "symbols": ["MSFT", "AAPL"]})
        gone = await client.ask("POST", LISTS, {"name": "Gone"})
        await client.send("DELETE", f"{LISTS}/{gone['id']}")
    async with an_exchange(store=ExchangeStore(file)) as client:
        assert await client.ask("GET", f"{LISTS}/{made['id']}") == made
        assert len(await client.ask("GET", LISTS)) == 1
        newer = await client.ask("POST", LISTS, {"name": "Newer"})
        assert newer["id"] not in (made["id"], gone["id"])


async def test_a_list_is_saved_before_it_is_answered(tmp_path: Path) -> None:
    file = tmp_path / "exchange.sqlite"
    async with an_exchange(store=ExchangeStore(file)) as client:
        made = await client.ask("POST", LISTS, {"name": "Mine"})
        with closing(sqlite3.connect(file)) as reader:
            ((body,),) = reader.execute("SELECT body FROM accounts")
        assert made["id"].encode() in body


async def test_a_list_with_an_asset_that_is_no_longer_listed_is_still_shown(
    tmp_path: Path,
) -> None:
    file = tmp_path / "exchange.sqlite"
    async with an_exchange(store=ExchangeStore(file), assets=listing(["ZVZZT"])) as client:
        made = await client.ask("POST", LISTS, {"name": "Mine", "symbols": ["ZVZZT"]})
    async with an_exchange(store=ExchangeStore(file)) as client:
        assert symbols(await client.ask("GET", f"{LISTS}/{made['id']}")) == ["ZVZZT"]
