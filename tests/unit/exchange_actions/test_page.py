"""What the page of the exchange says of corporate actions, followed to the letter."""

import json
import re
from pathlib import Path

import pytest

from floorbroker.exchange.actions.reading import parse_actions
from tests.unit.exchange_front.conftest import an_exchange

PAGE = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text("utf-8")


def block(after: str, language: str = "") -> str:
    """The first block of that language behind the text."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.partition(after)[2], re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_file_of_the_page_does_what_the_page_says() -> None:
    actions = parse_actions(block("## Corporate actions", "toml"))
    async with an_exchange(corporate_actions=actions) as client:
        await client.quote()
        await client.order(qty="10")
        (before,) = await client.ask("GET", "/v2/positions")
        cash = (await client.ask("GET", "/v2/account"))["cash"]
        await client.ask("POST", "/_exchange/clock", {"to": "2026-06-03T12:00:00Z"})
        (after,) = await client.ask("GET", "/v2/positions")
        assert (before["qty"], after["qty"]) == ("10", "40")
        assert before["cost_basis"] == after["cost_basis"]
        assert float(after["avg_entry_price"]) == float(before["avg_entry_price"]) / 4
        assert (await client.ask("GET", "/v2/account"))["cash"] == cash
        await client.ask("POST", "/_exchange/clock", {"to": "2026-06-04T12:00:00Z"})
        later = (await client.ask("GET", "/v2/account"))["cash"]
        assert float(later) == pytest.approx(float(cash) + 2.6)


async def test_the_control_of_the_page_takes_what_the_page_sends() -> None:
    command = block("**`POST /_exchange/corporate-action`**")
    said = re.search(r"-d '(.*)'", command)
    assert said is not None
    async with an_exchange() as client:
        made = await client.ask("POST", "/_exchange/corporate-action", json.loads(said[1]))
        assert (made["kind"], made["rate"]) == ("cash_dividend", "0.26")


async def test_fills_are_corrected_and_busted_as_the_page_says() -> None:
    commands = block("**`POST /_exchange/bust`**")
    bust, correct = re.findall(r"localhost:8899(\S+) -d '(.*)'", commands)
    async with an_exchange() as client:
        await client.quote()
        await client.order(qty="10")
        for path, text in (correct, bust):
            fills = await client.ask("GET", "/_exchange/fills")
            body = {**json.loads(text), "execution_id": fills[-1]["execution_id"]}
            await client.ask("POST", path, body)
        fills = await client.ask("GET", "/_exchange/fills")
        assert [fill["qty"] for fill in fills] == ["10", "-10", "10", "-10"]
        assert [fill["price"] for fill in fills] == ["187.2", "187.2", "186.4", "186.4"]
        account = await client.ask("GET", "/v2/account")
        assert (account["cash"], await client.ask("GET", "/v2/positions")) == ("100000", [])
        refused = {"execution_id": fills[0]["execution_id"], "qty": 0}
        answer = await client.ask("POST", "/_exchange/correct-fill", refused, 422)
        assert "qty: 0 is not valid; it must be a number above zero" in answer["message"]
