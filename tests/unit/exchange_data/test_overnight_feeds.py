"""What trades overnight is told on the overnight feeds, and on no other."""

import pytest
from msgspec.structs import replace

from floorbroker.testbed import AlpacaExchange
from tests.unit.exchange_data.conftest import (
    Client,
    advance,
    an_exchange,
    listen,
    print_trades,
    to,
    virtually,
)

EVENING, MORNING = "2026-06-02T01:00:00Z", "2026-06-02T08:00:00Z"
LATEST = "/v2/stocks/AAPL/{}/latest"


async def nightfall(client: Client) -> None:
    """A day with a print at 187, and a night with one at 190."""
    await print_trades(client, ("AAPL", "187", 100))
    await to(client, EVENING)
    await client.quote("AAPL", "189.5", "190.5")
    await print_trades(client, ("AAPL", "190", 7))


@pytest.mark.parametrize("feed", ["boats", "overnight"])
async def test_the_latest_of_the_night_is_the_nights(client: Client, feed: str) -> None:
    await client.ask("GET", LATEST.format("quotes"), None, 404, feed=feed)
    await nightfall(client)
    quote = (await client.ask("GET", LATEST.format("quotes"), feed=feed))["quote"]
    trade = (await client.ask("GET", LATEST.format("trades"), feed=feed))["trade"]
    bar = (await client.ask("GET", LATEST.format("bars"), feed=feed))["bar"]
    assert (quote["ap"], trade["p"], bar["c"]) == (190.5, 190, 190)
    assert (quote["z"], trade["z"]) == ("N", "N")
    for other in ("sip", "iex"):
        day = (await client.ask("GET", LATEST.format("trades"), feed=other))["trade"]
        assert (day["p"], day["z"]) == (187, "C")
    await to(client, MORNING)
    await client.quote("AAPL", "191", "192")
    assert (await client.ask("GET", LATEST.format("quotes")))["quote"]["ap"] == 192
    assert (await client.ask("GET", LATEST.format("quotes"), feed=feed))["quote"]["ap"] == 190.5


async def test_history_and_snapshots_of_a_night_are_of_its_trade_date(client: Client) -> None:
    await nightfall(client)
    await to(client, "2026-06-02T07:30:00Z")
    await print_trades(client, ("AAPL", "192", 3))
    span = {"start": "2026-06-01", "end": "2026-06-02"}
    rows = await client.ask("GET", "/v2/stocks/AAPL/trades", feed="boats", **span)
    assert [(row["p"], row["s"]) for row in rows["trades"]] == [(190, 7), (192, 3)]
    rows = await client.ask("GET", "/v2/stocks/AAPL/trades", **span)
    assert [row["p"] for row in rows["trades"]] == [187]
    query = {"feed": "boats", "timeframe": "1Day", **span}
    (bar,) = (await client.ask("GET", "/v2/stocks/AAPL/bars", **query))["bars"]
    assert (bar["t"], bar["o"], bar["c"], bar["v"]) == ("2026-06-02T04:00:00Z", 190, 192, 10)
    shot = await client.ask("GET", "/v2/stocks/AAPL/snapshot", feed="boats")
    assert (shot["latestTrade"]["p"], shot["dailyBar"]["v"]) == (192, 10)
    day = await client.ask("GET", "/v2/stocks/AAPL/snapshot")
    assert (day["latestTrade"]["p"], day["dailyBar"]["v"]) == (187, 100)


async def test_a_print_of_the_night_can_be_taken_back(client: Client) -> None:
    await nightfall(client)
    await client.ask("POST", "/_exchange/cancellation", {"symbol": "AAPL"})
    span = {"start": "2026-06-01", "end": "2026-06-02"}
    rows = (await client.ask("GET", "/v2/stocks/AAPL/trades", feed="boats", **span))["trades"]
    assert [(row["p"], row.get("u")) for row in rows] == [(190, "canceled")]
    rows = (await client.ask("GET", "/v2/stocks/AAPL/trades", **span))["trades"]
    assert [(row["p"], row.get("u")) for row in rows] == [(187, None)]


@pytest.mark.parametrize("path", ["/v1beta1/boats", "/v1beta1/overnight"])
def test_the_overnight_streams_tell_the_night_and_the_others_sleep(path: str) -> None:
    async def main() -> None:
        async with an_exchange() as client:
            night = await listen(client, path, trades=["AAPL"], quotes=["AAPL"], bars=["AAPL"])
            day = await listen(client, "/v2/sip", trades=["AAPL"], quotes=["AAPL"], bars=["AAPL"])
            await client.quote()
            assert (await day.hear())["T"] == "q"
            await to(client, EVENING)
            await client.quote("AAPL", "189.5", "190.5")
            await print_trades(client, ("AAPL", "190", 7))
            quote, trade = await night.hear(), await night.hear()
            assert (quote["T"], quote["ap"], quote["z"]) == ("q", 190.5, "N")
            assert (trade["T"], trade["p"]) == ("t", 190)
            await advance(client, 61)
            bar = await night.hear()
            assert (bar["T"], bar["c"], bar["v"]) == ("b", 190, 7)
            assert await day.is_silent()
            await client.ask("POST", "/_exchange/reset")
            await to(client, EVENING)
            await client.quote("AAPL", "180", "181")
            assert (await night.hear())["ap"] == 181

    virtually(main)


async def test_a_control_halts_the_nights_of_an_asset(client: Client) -> None:
    await to(client, EVENING)
    fields = {"symbol": "AAPL", "halted": True, "overnight": True}
    await client.ask("POST", "/_exchange/halt", fields)
    asset = await client.ask("GET", "/v2/assets/AAPL")
    assert {"overnight_tradable", "overnight_halted"} <= set(asset["attributes"])
    by_id = await client.ask("GET", f"/v2/assets/{asset['id']}")
    assert by_id == asset
    terms = {"type": "limit", "limit_price": "187.2", "extended_hours": True}
    order = await client.order(**terms)
    path = f"/v2/orders/{order['id']}"
    assert (await client.ask("GET", path))["status"] == "accepted"
    await client.ask("POST", "/_exchange/halt", {**fields, "halted": False})
    assert (await client.ask("GET", path))["status"] == "filled"
    refusal = await client.ask("POST", "/_exchange/halt", {**fields, "symbol": "WHOLE"}, 422)
    assert "overnight_tradable" in refusal["message"]


async def test_fractions_trade_overnight_where_the_asset_allows_it(client: Client) -> None:
    await to(client, EVENING)
    terms = {"type": "limit", "limit_price": "187.2", "extended_hours": True, "qty": "0.5"}
    order = await client.order(**terms)
    assert (await client.ask("GET", f"/v2/orders/{order['id']}"))["filled_qty"] == "0.5"
    venue = client.front.server.venue
    asset = venue.assets["MSFT"]
    venue.list_asset(replace(asset, attributes=("overnight_tradable",)))
    refusal = await client.order(422, symbol="MSFT", **terms)
    assert refusal["message"] == "asset MSFT cannot be traded in fractions outside regular hours"


def test_the_test_bed_knows_the_overnight_streams() -> None:
    exchange = AlpacaExchange("http://127.0.0.1:1")
    assert exchange.data_stream_url("boats") == "ws://127.0.0.1:1/v1beta1/boats"
