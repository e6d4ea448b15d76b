"""Serving over TCP: ports, faults of the connection, and a clean end."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.brokers.alpaca.transport import DeliveryUnknown, FramesClosed
from floorbroker.clock import SystemClock
from floorbroker.domain.errors import ConfigError, TapeError
from floorbroker.domain.quotes import MarketEvent, Trade
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import serve, while_it_lasts
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.tape import Tape
from tests.wire.conftest import START_NS, ServedExchange

KEYS = {"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "s"}


def a_front(*faults: FaultRule) -> ExchangeFront:
    setup = Setup(clock=SystemClock(), assets=listing(), start_ns=START_NS)
    return build_exchange(setup, FaultPlan(faults))


async def test_a_port_in_use_is_an_error_that_says_what_to_do() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}.*--port"):
            async with serve(a_front(), "127.0.0.1", port):
                pass


async def test_a_name_that_is_no_address_is_the_same_kind_of_error() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.invalid:0"):
        async with serve(a_front(), "nowhere.invalid", 0):
            pass


async def test_two_exchanges_take_free_ports_and_give_them_back() -> None:
    async with serve(a_front(), "127.0.0.1", 0) as one, serve(a_front(), "127.0.0.1", 0) as two:
        assert one != two
    async with serve(a_front(), "127.0.0.1", one) as again:
        assert again == one


@pytest.mark.parametrize("kind", ["refuse", "reset_before_accept", "reset_after_accept"])
async def test_a_cut_connection_is_a_reset_without_noise(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    front = a_front(FaultRule(kind=kind, path="/v2/account", count=1))
    async with serve(front, "127.0.0.1", 0) as port:
        transport = NetworkTransport(f"http://127.0.0.1:{port}")
        with pytest.raises(DeliveryUnknown):
            await transport.request("GET", "/v2/account", headers=KEYS)
        answer = await transport.request("GET", "/v2/account", headers=KEYS)
        assert answer.status == 200
        await transport.aclose()
    assert capfd.readouterr() == ("", "")


async def test_a_lost_stream_has_no_close_frame_and_makes_no_noise(
    capfd: pytest.CaptureFixture[str],
) -> None:
    front = a_front(FaultRule(kind="stream_disconnect", event="new", count=1))
    async with serve(front, "127.0.0.1", 0) as port:
        transport = NetworkTransport(f"http://127.0.0.1:{port}")
        frames = await transport.connect("/stream")
        await frames.send(json.dumps({"action": "auth", "key": "PK1", "secret": "s"}))
        await frames.receive()
        listen = {"action": "listen", "data": {"streams": ["trade_updates"]}}
        await frames.send(json.dumps(listen))
        await frames.receive()
        ticket = {"symbol": "AAPL", "side": "buy", "qty": 1, "type": "market"}
        body = json.dumps({**ticket, "time_in_force": "day"}).encode()
        await transport.request("POST", "/v2/orders", headers=KEYS, body=body)
        assert b"pending_new" in bytes(await frames.receive())  # type: ignore[arg-type]  # frames are binary
        with pytest.raises(FramesClosed) as closed:
            await frames.receive()
        assert closed.value.code == 1006
        await transport.aclose()
    assert capfd.readouterr() == ("", "")


async def test_a_refused_handshake_shows_its_status() -> None:
    front = a_front(FaultRule(kind="stream_refuse", count=1))
    async with serve(front, "127.0.0.1", 0) as port:
        transport = NetworkTransport(f"http://127.0.0.1:{port}")
        with pytest.raises(FramesClosed) as refusal:
            await transport.connect("/stream")
        assert refusal.value.code == 429
        frames = await transport.connect("/stream")
        await frames.aclose()
        await transport.aclose()


async def test_the_end_does_not_wait_for_clients() -> None:
    front = a_front()
    async with serve(front, "127.0.0.1", 0) as port:
        transport = NetworkTransport(f"http://127.0.0.1:{port}")
        frames = await transport.connect("/stream")
        started_s = time.monotonic()
    assert time.monotonic() - started_s < 5
    with pytest.raises(FramesClosed):
        await frames.receive()
    await transport.aclose()


def test_keep_alive_answers_many_requests_on_one_connection(exchange: ServedExchange) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=20)
    for _ in range(3):
        connection.request("GET", "/v2/clock", headers=KEYS)
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert answer.getheader("Server") is None
            answer.read()
    connection.close()


SERVER = """
import asyncio
from tests.wire.test_serve import a_front
from floorbroker.exchange.front.serve import serve_until_stopped

asyncio.run(serve_until_stopped(a_front(), "127.0.0.1", 0, lambda port: print(port, flush=True)))
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (0, "ended\n", "")


HEAD = "symbol,timestamp,open,high,low,close,volume\n"


def test_a_tape_that_breaks_off_ends_the_command_with_its_message(tmp_path: Path) -> None:
    """The bars are read as the market gets to them: it is served before the fault is met."""
    tape = tmp_path / "bars.csv"
    rows = [f"AAPL,2026-06-01T14:{n:02}:00Z,1,1,1,1,100\n" for n in range(40)]
    rows[30] = "AAPL,2026-06-01T14:30:00Z,1,1,many,1,100\n"
    tape.write_text(HEAD + "".join(rows))
    command = [sys.executable, "-m", "floorbroker", "exchange", "--port", "0", "--tape", str(tape)]
    process = subprocess.run(
        [*command, "--speed", "3000"], capture_output=True, text=True, timeout=30, check=False
    )
    assert process.returncode == 2
    assert process.stdout.startswith("exchange ready at http://")
    assert "exchange stopped" not in process.stdout
    assert f"{tape}" in process.stderr
    assert "many" in process.stderr
    assert "Traceback" not in process.stderr


async def test_work_goes_on_while_the_market_lasts() -> None:
    async def work() -> int:
        return 7

    async with serve(a_front(), "127.0.0.1", 0):
        assert await while_it_lasts(a_front(), work()) == 7


async def test_work_ends_with_the_market() -> None:
    def ticks() -> Iterator[MarketEvent]:
        yield Trade(symbol="AAPL", time_ns=START_NS, px=Decimal(1), size=Decimal(1))
        raise TapeError("day.csv: line 2")

    setup = Setup(
        clock=SystemClock(),
        assets=listing(),
        start_ns=START_NS,
        speed=1000.0,
        make_tape=lambda: Tape([ticks()], symbols=["AAPL"], start_ns=START_NS),
    )
    front = build_exchange(setup)
    ended: list[str] = []

    async def work() -> None:
        try:
            await SystemClock().sleep(60)
        finally:
            ended.append("the work was cancelled")

    async with serve(front, "127.0.0.1", 0):
        with pytest.raises(TapeError, match=r"day\.csv"):
            await while_it_lasts(front, work())
    assert ended == ["the work was cancelled"]


async def test_uvicorn_is_not_imported_before_it_serves() -> None:
    code = "import sys, floorbroker.exchange.front.serve; sys.exit('uvicorn' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
