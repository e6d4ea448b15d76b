"""Keys that nobody else has, sought in everything that a desk prints, logs and leaves behind."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from floorbroker.sync import Desk
from floorbroker.testbed import AlpacaExchange
from tests.e2e.prompt import Prompt, Told

KEY_ID, SECRET = "PKCANARY7F3A91", "canary-secret-5d1c0b7e"
CANARIES = (KEY_ID.encode(), SECRET.encode())


@pytest.fixture
def prompt(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> Prompt:
    monkeypatch.setenv("APCA_API_KEY_ID", KEY_ID)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET)
    monkeypatch.setenv("FLOORBROKER_DATA_FEED", "off")
    return prompt


def point_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("APCA_API_BASE_URL", "APCA_API_DATA_URL"):
        monkeypatch.setenv(name, url)
    monkeypatch.setenv("APCA_API_STREAM_URL", url.replace("http", "ws", 1) + "/stream")


class Echo(BaseHTTPRequestHandler):
    """A broker that says no and repeats the keys it was given, in the body and its headers."""

    def do_GET(self) -> None:
        keys = {
            name: self.headers.get(name) for name in ("APCA-API-KEY-ID", "APCA-API-SECRET-KEY")
        }
        body = json.dumps({"code": 40310000, "message": f"forbidden for {keys}"}).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-ID", "r-1")
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """It keeps its own counsel."""


@pytest.fixture
def echo_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def assert_hidden(told: Told) -> None:
    for canary in CANARIES:
        assert canary.decode() not in told.out
        assert canary.decode() not in told.err


def assert_nothing_is_left_behind(home: Path) -> None:
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files, "the desk has left files"
    for path in files:
        body = path.read_bytes()
        for canary in CANARIES:
            assert canary not in body, path


@pytest.mark.proves("I18")
def test_no_command_tells_the_keys(
    prompt: Prompt,
    monkeypatch: pytest.MonkeyPatch,
    alpaca_exchange: AlpacaExchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    point_at(monkeypatch, alpaca_exchange.url)
    alpaca_exchange.quote("AAPL", "187.00", "187.10")
    commands = (
        "order submit buy 1 AAPL --id one",
        "order submit buy 99999999 AAPL --id rejected",
        "order submit buy 1 AAPL --limit 1 --id rests",
        "order show one",
        "kill --yes --reason drill",
        "order submit buy 1 AAPL",
        "doctor",
        "doctor --json",
        "resume --reason over",
        "doctor",
        "journal export",
    )
    with caplog.at_level(logging.DEBUG):
        for words in commands:
            assert_hidden(prompt.type(*words.split()))
        with Desk.open() as desk:
            for problem in desk.errors():
                assert KEY_ID not in repr(vars(problem))
    for canary in CANARIES:
        assert canary.decode() not in caplog.text
    assert_nothing_is_left_behind(prompt.home)


@pytest.mark.proves("I18")
def test_a_broker_that_repeats_the_keys_is_not_quoted(
    prompt: Prompt,
    monkeypatch: pytest.MonkeyPatch,
    echo_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    point_at(monkeypatch, echo_url)
    with caplog.at_level(logging.DEBUG):
        killed = prompt.type("kill", "--yes", "--reason", "drill")
    assert killed.code == 1
    assert "forbidden for" in killed.err
    assert "***" in killed.err
    assert_hidden(killed)
    for canary in CANARIES:
        assert canary.decode() not in caplog.text
    assert_nothing_is_left_behind(prompt.home)


def test_the_doctor_says_first_what_is_wrong(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch, alpaca_exchange: AlpacaExchange
) -> None:
    point_at(monkeypatch, alpaca_exchange.url)
    alpaca_exchange.quote("AAPL", "187.00", "187.10")
    assert prompt.type("order", "submit", "buy", "99999999", "AAPL", "--id", "no").code == 1
    well = prompt.type("doctor")
    assert well.code == 0, well.out
    for name in ("clock", "budget", "disk", "latency", "stream", "configuration", "limits"):
        assert f"ok    {name}" in well.out
    assert "rejected  new no  HTTP 403: insufficient buying power" in well.out
    assert prompt.type("kill", "--level", "block", "--yes", "--reason", "drill").code == 0
    ill = prompt.type("doctor")
    assert ill.code == 1
    assert ill.out.splitlines()[1].startswith("  LOOK  trading         HALTED: killed (block) by")
