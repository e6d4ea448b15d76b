"""Prints that are taken back, and halts."""

import pytest

from tests.unit.exchange_data.conftest import Client, advance, listen, print_trades


async def day(client: Client) -> tuple[float, float, float, int]:
    """High, low, close and volume of the day."""
    bar = (await client.ask("GET", "/v2/stocks/AAPL/snapshot"))["dailyBar"]
    return bar["h"], bar["l"], bar["c"], bar["v"]


async def test_a_canceled_print_leaves_the_days_figures_and_stays_marked(client: Client) -> None:
    await print_trades(client, ("AAPL", "187", 100), ("AAPL", "250", 10))
    assert await day(client) == (250, 187, 250, 110)
    await client.ask("POST", "/_exchange/cancellation", {"symbol": "AAPL"})
    assert await day(client) == (187, 187, 187, 100)
    latest = await client.ask("GET", "/v2/stocks/AAPL/trades/latest")
    assert latest["trade"]["p"] == 187
    rows = (await client.ask("GET", "/v2/stocks/AAPL/trades"))["trades"]
    assert [(row["p"], row.get("u")) for row in rows] == [(187, None), (250, "canceled")]


async def test_a_corrected_print_counts_as_it_should_have_been(client: Client) -> None:
    await print_trades(client, ("AAPL", "187", 100), ("AAPL", "250", 10))
    fields = {"symbol": "AAPL", "trade_id": 0, "price": "187.5", "size": 20}
    await client.ask("POST", "/_exchange/correction", fields)
    assert await day(client) == (187.5, 187, 187.5, 120)
    rows = (await client.ask("GET", "/v2/stocks/AAPL/trades"))["trades"]
    assert [(row["p"], row.get("u")) for row in rows] == [
        (187, None),
        (187.5, "corrected"),
        (250, "incorrect"),
    ]
    await client.ask("POST", "/_exchange/reset")
    assert (await client.ask("GET", "/v2/stocks/AAPL/trades"))["trades"] == []


async def test_listeners_to_trades_hear_of_both_and_of_the_new_bar(client: Client) -> None:
    heard = await listen(client, trades=["AAPL"], updatedBars=["AAPL"])
    await print_trades(client, ("AAPL", "187", 100), ("AAPL", "250", 10))
    await client.ask("POST", "/_exchange/correction", {"symbol": "AAPL", "price": 188})
    assert [(await heard.hear())["T"] for _ in range(2)] == ["t", "t"]
    correction = await heard.hear()
    assert (correction["T"], correction["op"], correction["cp"]) == ("c", 250, 188)
    assert (correction["os"], correction["cs"], correction["z"]) == (10, 10, "C")
    await advance(client, 60)  # the minute is over before the next one is taken back
    await client.ask("POST", "/_exchange/cancellation", {"symbol": "AAPL"})
    cancel = await heard.hear()
    assert (cancel["T"], cancel["p"], cancel["a"]) == ("x", 188, "C")
    await advance(client, 31)
    bar = await heard.hear()
    assert (bar["T"], bar["t"], bar["h"], bar["v"]) == ("u", "2026-06-01T14:00:00Z", 187, 100)


async def test_a_halt_is_told_in_the_words_of_its_tape(client: Client) -> None:
    heard = await listen(client, statuses=["*"])
    await client.ask("POST", "/_exchange/halt", {"symbol": "AAPL"})
    await client.ask("POST", "/_exchange/halt", {"symbol": "AAPL", "halted": False})
    await client.ask("POST", "/_exchange/halt", {"symbol": "F"})
    codes = [(one["S"], one["sc"], one["z"]) for one in [await heard.hear() for _ in range(3)]]
    assert codes == [("AAPL", "H", "C"), ("AAPL", "T", "C"), ("F", "2", "A")]


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("halt", {"symbol": "NOPE"}, "symbol: NOPE is not valid"),
        ("halt", {"symbol": 7}, "Expected `str`, got `int`"),
        ("halt", {"symbol": "AAPL", "more": 1}, "unknown field `more`"),
        ("halt", {}, "missing required field `symbol`"),
        ("correction", {"symbol": "AAPL"}, "price: nothing is not valid"),
        ("correction", {"symbol": "AAPL", "price": 0}, "price: 0 is not valid"),
        ("correction", {"symbol": "AAPL", "price": 187}, "price: 187 is not valid"),
        ("correction", {"symbol": "AAPL", "price": 9, "trade_id": 7}, "trade_id: 7 is not valid"),
        ("cancellation", {"symbol": "MSFT"}, "trade_id: None is not valid"),
        ("cancellation", b"{", "the body is not as it must be"),
    ],
)
async def test_what_cannot_be_amended_is_refused(
    client: Client, path: str, body: object, text: str
) -> None:
    await print_trades(client, ("AAPL", "187", 100))
    refusal = await client.ask("POST", f"/_exchange/{path}", body, 422)
    assert text in refusal["message"], refusal
