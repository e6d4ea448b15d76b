"""The pytest plugin: its fixture in use, and test runs of others that have it."""

import queue
import socket
import subprocess
import sys
import threading
import time
import tomllib
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import floorbroker.sync
from floorbroker import OrderRequest
from floorbroker.pytest_plugin import AlpacaExchange

with warnings.catch_warnings():
    # The SDK still uses the old interface of websockets, which says so when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import OrderSide, TimeInForce
    from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
    from alpaca.trading.stream import TradingStream

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.filterwarnings("ignore:.*legacy.*:DeprecationWarning")

REPOSITORY = Path(__file__).resolve().parents[2]
#: Monday, 2026-06-01, 10:00 in New York.
START = datetime(2026, 6, 1, 14, tzinfo=UTC)
#: An inner run does without the plugins that this one has, and is as strict.
PLAIN = ("-p", "no:randomly", "-p", "no:asyncio", "--strict-markers", "-W", "error")


@pytest.fixture
def trading(alpaca_exchange: AlpacaExchange) -> TradingClient:
    keys = alpaca_exchange.key_id, alpaca_exchange.secret_key
    return TradingClient(*keys, url_override=alpaca_exchange.url)


def buy(trading: TradingClient) -> Any:
    """Ten AAPL at 187, for the day."""
    return trading.submit_order(
        LimitOrderRequest(
            symbol="AAPL",
            qty=10,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            limit_price=187,
        )
    )


def status(trading: TradingClient, order: Any) -> str:
    found: Any = trading.get_order_by_id(order.id)
    return str(found.status.value)


def test_a_scripted_quote_fills_the_order_that_rests(
    alpaca_exchange: AlpacaExchange, trading: TradingClient
) -> None:
    exchange = alpaca_exchange
    exchange.quote("AAPL", 187.1, "187.2")
    order = buy(trading)
    assert status(trading, order) == "new"
    exchange.quote("AAPL", Decimal("186.9"), 187, ask_size=4)
    assert status(trading, order) == "partially_filled"
    exchange.trade("AAPL", 186.99, 500)
    assert status(trading, order) == "filled"
    assert [(fill["qty"], fill["price"]) for fill in exchange.fills()] == [
        ("4", "187"),
        ("6", "186.99"),
    ]
    assert [one["id"] for one in exchange.orders()] == [str(order.id)]
    assert exchange.positions()[0]["qty"] == "10"
    assert exchange.account()["cash"] == "98130.06"
    assert (exchange.account("ANOTHER")["cash"], exchange.positions("ANOTHER")) == ("100000", [])


def test_shares_are_split_and_fills_are_revised_by_hand(
    alpaca_exchange: AlpacaExchange, trading: TradingClient
) -> None:
    exchange = alpaca_exchange
    exchange.quote("AAPL", 186, 187)
    buy(trading)
    buy(trading)
    first, second = (fill["execution_id"] for fill in exchange.fills())
    exchange.bust(first)
    exchange.correct_fill(second, price=186.5)
    made = exchange.corporate_action(
        "forward_split", "AAPL", old_rate=1, new_rate=2, ex_date=date(2026, 6, 2)
    )
    assert made["ex_date"] == "2026-06-02"
    exchange.advance_to("2026-06-02 00:00")
    (position,) = exchange.positions()
    assert (position["qty"], position["avg_entry_price"]) == ("20", "93.25")
    assert exchange.account()["cash"] == "98135"
    with pytest.raises(ValueError, match="rate: 'much' is not valid"):
        exchange.corporate_action("cash_dividend", "AAPL", rate="much", ex_date="2026-06-03")


def test_a_side_without_anybody_fills_nobody(
    alpaca_exchange: AlpacaExchange, trading: TradingClient
) -> None:
    alpaca_exchange.quote("AAPL", 186, None)
    order = buy(trading)
    assert status(trading, order) == "new"


@pytest.fixture
def updates(alpaca_exchange: AlpacaExchange) -> Iterator["queue.Queue[Any]"]:
    heard: queue.Queue[Any] = queue.Queue()

    async def hear(update: Any) -> None:
        heard.put(update)

    exchange = alpaca_exchange
    stream = TradingStream(exchange.key_id, exchange.secret_key, url_override=exchange.stream_url)
    stream.subscribe_trade_updates(hear)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    exchange.wait_for_streams()
    yield heard
    stream.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_trade_updates_arrive_while_time_stands_still(
    alpaca_exchange: AlpacaExchange, trading: TradingClient, updates: "queue.Queue[Any]"
) -> None:
    buy(trading)
    alpaca_exchange.quote("AAPL", 186.9, 187)
    told = [updates.get(timeout=10) for _ in range(3)]
    assert [update.event for update in told] == ["pending_new", "new", "fill"]
    assert {update.timestamp for update in told} == {START}


def test_waiting_for_streams_that_nobody_opens_ends(alpaca_exchange: AlpacaExchange) -> None:
    alpaca_exchange.wait_for_streams(orders=0)
    with pytest.raises(TimeoutError, match=r"only {'orders': 0, 'data': 0} streams listen"):
        alpaca_exchange.wait_for_streams(orders=1, data=2, timeout_s=0.1)


def test_time_stands_still_until_it_is_moved_over_the_close(
    alpaca_exchange: AlpacaExchange, trading: TradingClient
) -> None:
    exchange = alpaca_exchange
    assert exchange.now == START
    order = buy(trading)
    time.sleep(1.2)  # longer than the market rests between two looks
    assert exchange.now == START
    assert exchange.advance(1.5) == START + timedelta(seconds=1.5)
    assert exchange.advance(timedelta(minutes=1)) == START + timedelta(seconds=61.5)
    assert exchange.advance_to("2026-06-01 15:59:59").hour == 19
    assert status(trading, order) == "new"
    assert exchange.advance_to(datetime(2026, 6, 1, 20, 0, 1, tzinfo=UTC)) == exchange.now
    assert status(trading, order) == "expired"
    clock: Any = trading.get_clock()
    assert not clock.is_open
    with pytest.raises(ValueError, match="a time from 2026-06-01T20:00:01Z on"):
        exchange.advance_to("2026-06-01 10:00")
    exchange.reset()
    assert (exchange.now, exchange.orders()) == (START, [])


@pytest.mark.parametrize("turn", [1, 2])
def test_two_tests_do_not_see_each_other(
    alpaca_exchange: AlpacaExchange, trading: TradingClient, turn: int
) -> None:
    assert (alpaca_exchange.now, alpaca_exchange.orders()) == (START, [])
    alpaca_exchange.quote("AAPL", 186.9, 187)
    buy(trading)
    alpaca_exchange.advance(3600)
    assert len(alpaca_exchange.fills()) == 1


@pytest.mark.alpaca_exchange(cash=5000, symbols=["MINE"])
class TestTheMark:
    @pytest.mark.alpaca_exchange(cash="2500.50", start="2026-07-01 09:31")
    def test_of_the_test_goes_before_that_of_its_class(
        self, alpaca_exchange: AlpacaExchange
    ) -> None:
        assert alpaca_exchange.account()["cash"] == "2500.5"
        assert alpaca_exchange.now == datetime(2026, 7, 1, 13, 31, tzinfo=UTC)
        alpaca_exchange.quote("MINE", 1, 2)

    def test_of_the_class_holds_for_the_others(self, alpaca_exchange: AlpacaExchange) -> None:
        assert alpaca_exchange.account()["cash"] == "5000"

    @pytest.mark.alpaca_exchange(speed=100)
    def test_may_let_time_run(self, alpaca_exchange: AlpacaExchange) -> None:
        began = alpaca_exchange.now
        time.sleep(0.1)
        assert (alpaca_exchange.now - began).total_seconds() > 5

    @pytest.mark.alpaca_exchange(faults={"kind": "rate_limit", "nth": [1]})
    def test_may_bring_faults(self, alpaca_exchange: AlpacaExchange) -> None:
        assert alpaca_exchange.faults()["fault"][0]["kind"] == "rate_limit"

    @pytest.mark.alpaca_exchange(
        rules={"venue": {"market_buy_margin": 0.5, "day_end_status": "canceled"}}
    )
    def test_may_bring_rules(
        self, alpaca_exchange: AlpacaExchange, trading: TradingClient
    ) -> None:
        order = buy(trading)
        alpaca_exchange.advance_to("2026-06-01 16:00:01")
        assert status(trading, order) == "canceled"
        assert alpaca_exchange.faults([])["fault"] == []


BARS = """symbol,timestamp,open,high,low,close,volume
SPY,2026-06-02T14:30:00Z,600,601,599,600.5,1000
SPY,2026-06-02T14:31:00Z,600.5,602,600,601.5,1000
"""


@pytest.fixture
def bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AlpacaExchange:
    """The exchange of a test whose mark names a tape in the present folder."""
    (tmp_path / "spy.csv").write_text(BARS)
    monkeypatch.chdir(tmp_path)
    exchange: AlpacaExchange = request.getfixturevalue("alpaca_exchange")
    return exchange


@pytest.mark.alpaca_exchange(tape="spy.csv", start="2026-06-02 10:29")
def test_a_tape_plays_as_time_is_moved(bars: AlpacaExchange) -> None:
    trading = TradingClient(bars.key_id, bars.secret_key, url_override=bars.url)
    trading.submit_order(
        MarketOrderRequest(symbol="SPY", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    assert bars.fills() == []
    bars.advance(150)
    assert 599 <= Decimal(bars.fills()[0]["price"]) <= 602


def test_what_the_exchange_does_not_understand_is_an_error(
    alpaca_exchange: AlpacaExchange,
) -> None:
    exchange = alpaca_exchange
    with pytest.raises(ValueError, match="symbol: ZZZ is not valid"):
        exchange.quote("ZZZ", 1, 2)
    with pytest.raises(TypeError, match="bid: True is no number"):
        exchange.quote("AAPL", True, 2)
    with pytest.raises(ValueError, match="price: nan must be a number from 0 up"):
        exchange.trade("AAPL", float("nan"))
    with pytest.raises(ValueError, match="kind: 'rain' is not one of"):
        exchange.faults('[{"kind": "rain"}]')
    with pytest.raises(ValueError, match="feed: 'cnn' is not one of iex, sip"):
        exchange.data_stream_url("cnn")


def test_the_environment_is_what_our_own_desk_understands(
    alpaca_exchange: AlpacaExchange, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in alpaca_exchange.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FLOORBROKER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with floorbroker.sync.Desk.open() as desk:
        alpaca_exchange.quote("AAPL", 186.9, 187)
        order = desk.submit_order(OrderRequest.limit("buy", 10, "AAPL", limit_price="187"))
        assert desk.wait(order.cl_ord_id).cum_qty == 10
    assert len(alpaca_exchange.fills()) == 1


_LEFT: list[str] = []


@pytest.fixture
def after_it(request: pytest.FixtureRequest) -> Iterator[None]:
    """Looks round when the exchange, which was asked for later, is gone."""
    yield
    place = urlsplit(_LEFT.pop())
    assert "alpaca_exchange" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((place.hostname or "", place.port or 0), timeout=5)


def test_nothing_of_the_exchange_is_left_after_a_test(
    after_it: None, alpaca_exchange: AlpacaExchange
) -> None:
    _LEFT.append(alpaca_exchange.url)
    assert "alpaca_exchange" in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("cahs=1", "no option 'cahs'; there are cash, symbols, start, tape, speed, seed, faults*"),
        ("500", "500 has no name; write cash=*"),
        ("cash=-1", "cash: -1 must be a number from 0 up"),
        ("cash='much'", "cash: 'much' is no number; write *"),
        ("symbols='AAPL,$'", "symbols: '$' is no symbol; write AAPL or BTC/USD"),
        ("symbols=7", "symbols: 7 must be a list such as *"),
        ("start='noon'", "start: 'noon' must be a datetime or text such as *"),
        ("tape='nowhere.csv'", "nowhere.csv does not exist; *"),
        ("tape='a.csv', symbols='F'", "symbols: a tape has its own; *"),
        ("speed=-1", "speed: -1 must be a number of market seconds a second *"),
        ("seed='x'", "seed: 'x' must be a whole number"),
        ("rules='[venu]'", "rules: no table [[]venu[]]; did you mean venue?"),
        ("rules=7", "rules: 7 must be TOML, or tables such as *"),
        ("rules={'front': {'rate_limt': 1}}", "rules: front.rate_limt: no such switch; *"),
        ("faults={'kind': 'rain'}", "fault plan: fault 1: kind: 'rain' is not one of *"),
    ],
)
def test_a_mistake_in_the_mark_is_told_in_one_line(
    pytester: pytest.Pytester, mark: str, told: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.alpaca_exchange({mark})
        def test_it(alpaca_exchange):
            pass
        """
    )
    outcome = pytester.runpytest_inprocess(*PLAIN)
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines([f"@pytest.mark.alpaca_exchange: {told}"])
    outcome.stdout.no_fnmatch_line("*Traceback*")
    outcome.stdout.no_fnmatch_line("*During handling*")


def test_it_runs_beside_xdist(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(4))
        def test_it(alpaca_exchange, turn):
            alpaca_exchange.quote("AAPL", 186.9, 187)
            assert alpaca_exchange.orders() == []
        """
    )
    outcome = pytester.runpytest_subprocess(*PLAIN, "-n", "2")
    outcome.assert_outcomes(passed=4)


def test_the_fixture_and_its_mark_are_told_where_pytest_tells_of_them(
    pytester: pytest.Pytester,
) -> None:
    fixtures = pytester.runpytest_inprocess(*PLAIN, "--fixtures")
    fixtures.stdout.fnmatch_lines(["alpaca_exchange*", "*new for every test*"])
    marks = pytester.runpytest_inprocess(*PLAIN, "--markers")
    marks.stdout.fnmatch_lines(["@pytest.mark.alpaca_exchange(cash=..., symbols=..., *"])


def test_a_run_that_does_not_ask_for_it_does_not_pay_for_it() -> None:
    script = "import pytest, sys; before = set(sys.modules); import floorbroker.pytest_plugin; "
    script += "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    heavy = {"aiohttp", "asyncio", "msgspec", "plotly", "polars", "uvicorn", "uvloop"}
    assert not heavy.intersection(told.stdout.decode().split())


def test_the_package_tells_pytest_of_the_plugin() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"floorbroker": "floorbroker.pytest_plugin"}
