"""The tables of `floorbroker exchange look`."""

from typing import Any

import pytest
from rich.console import Console

from floorbroker.cli.exchange.look import fetched
from floorbroker.cli.exchange.sheets import truth_view
from floorbroker.domain.errors import BrokerUnreachable, ConfigError
from tests.unit.exchange_front.conftest import Client, an_exchange


async def told(client: Client, width: int = 200) -> str:
    truth: Any = await client.ask("GET", "/_exchange/look")
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(truth_view(truth))
    return capture.get()


async def test_it_tells_what_needs_attention_before_the_tables() -> None:
    async with an_exchange() as client:
        assert "nothing needs attention" in await told(client)
        await client.quote()
        await client.order(qty="10")
        await client.order(type="limit", limit_price="187.1", client_order_id="c-1")
        await client.ask("POST", "/_exchange/halt", {"symbol": "AAPL"})
        text = await told(client)
    lines = text.splitlines()
    assert "EMBEDDED  Mon 2026-06-01 10:00:00 New York" in lines[0]
    assert "regular session, after hours at 16:00 (in 6 h)" in lines[0]
    assert lines[1].startswith("! AAPL is halted. 1 open order cannot trade")
    assert text.index("Open orders") < text.index("Symbols") < text.index("Accounts")
    order = next(line for line in lines if "c-1" in line)
    assert order.split()[:6] == ["BUY", "10", "AAPL", "limit", "187.10", "day"]
    assert "new: symbol is halted" in order


async def test_names_of_clients_cannot_steer_the_terminal() -> None:
    async with an_exchange() as client:
        await client.quote()
        name = "\x1b]0;gone\x07[red]x"
        await client.order(type="limit", limit_price="150", client_order_id=name)
        text = await told(client)
    assert "\x1b]0" not in text
    assert "\x07" not in text
    assert "?]0;gone?[red]x" in text


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_no_line_is_wider_than_the_window(width: int) -> None:
    async with an_exchange() as client:
        await client.quote()
        await client.order(qty="10")
        await client.order(type="limit", limit_price="150", extended_hours=True)
        text = await told(client, width)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:8899", "http://", "http://x:99999"])
def test_what_is_no_url_is_a_matter_of_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match="--url"):
        fetched(url)


def test_where_nobody_answers_it_says_how_to_start_one() -> None:
    with pytest.raises(BrokerUnreachable, match="floorbroker exchange"):
        fetched("http://127.0.0.1:1")
