"""What the fault plan does to market data streams; in virtual time."""

import asyncio

import msgspec
import pytest

from floorbroker.brokers.alpaca.transport import FramesClosed
from floorbroker.exchange.faults import FaultRule
from tests.unit.exchange_data.conftest import (
    Client,
    Listening,
    an_exchange,
    listen,
    opened,
    virtually,
)

PACKED = {"content-type": "application/msgpack"}


async def asks(heard: Listening, count: int) -> list[float]:
    """The ask prices of the next quotes."""
    return [(await heard.hear())["ap"] for _ in range(count)]


async def quote(client: Client, *prices: str) -> None:
    for px in prices:
        await client.quote(ask=px)
        await asyncio.sleep(0.05)


def test_a_message_is_lost_told_twice_or_told_late() -> None:
    async def main() -> None:
        rules = (
            FaultRule(kind="data_lose", event="quotes", nth=(1,)),
            FaultRule(kind="data_duplicate", event="quotes", nth=(2,)),
            FaultRule(kind="data_reorder", event="quotes", symbol="AAPL", nth=(3,)),
        )
        async with an_exchange(*rules) as client:
            heard = await listen(client, quotes=["AAPL"])
            await quote(client, "188", "189", "190", "191")
            assert await asks(heard, 4) == [189, 189, 191, 190]
            assert await heard.is_silent()

    virtually(main)


@pytest.mark.parametrize("event", ["trades", "bars"])
def test_a_fault_of_another_channel_does_not_strike(event: str) -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="data_lose", event=event)) as client:
            heard = await listen(client, quotes=["AAPL"])
            await quote(client, "188")
            assert await asks(heard, 1) == [188]

    virtually(main)


@pytest.mark.parametrize("headers", [{}, PACKED])
def test_garbage_leaves_in_a_frame_of_its_own(headers: dict[str, str]) -> None:
    async def main() -> None:
        fault = FaultRule(kind="data_garbage", event="quotes", count=1)
        async with an_exchange(fault) as client:
            heard = await listen(client, headers=headers, quotes=["AAPL"])
            await quote(client, "188", "189")
            with pytest.raises((msgspec.DecodeError, ValueError)):
                await heard.hear()
            assert await asks(heard, 1) == [189]

    virtually(main)


def test_a_muted_stream_does_not_even_answer() -> None:
    async def main() -> None:
        fault = FaultRule(kind="data_mute", event="quotes", seconds=100.0, count=1)
        async with an_exchange(fault) as client:
            heard = await listen(client, quotes=["AAPL"])
            await quote(client, "188", "189")
            await heard.frames.send('{"action": "subscribe", "quotes": ["AAPL"]}')
            assert await heard.is_silent()
            await asyncio.sleep(100)
            assert (await heard.tell(action="subscribe", quotes=["AAPL"]))["quotes"] == ["AAPL"]

    virtually(main)


@pytest.mark.parametrize("code", [1006, 1012])
def test_the_connection_is_cut(code: int) -> None:
    async def main() -> None:
        fault = FaultRule(kind="data_disconnect", event="quotes", code=code, count=1)
        async with an_exchange(fault) as client:
            heard = await listen(client, quotes=["AAPL"])
            await quote(client, "188")
            with pytest.raises(FramesClosed) as closed:
                await heard.hear()
            assert closed.value.code == code
            again = await listen(client, quotes=["AAPL"])
            await quote(client, "189")
            assert await asks(again, 1) == [189]

    virtually(main)


def test_a_handshake_is_refused() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="data_refuse", count=1)) as client:
            with pytest.raises(FramesClosed) as closed:
                await opened(client)
            assert closed.value.code == 429
            await opened(client)

    virtually(main)
