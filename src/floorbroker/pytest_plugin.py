"""The pytest plugin: the embedded exchange as a fixture, for tests of bots that trade on Alpaca.

pytest imports this module in every run where floorbroker is installed, so the exchange itself is
imported by the first test that asks for it.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from floorbroker.testbed import AlpacaExchange as AlpacaExchange
from floorbroker.testbed import amount_text, instant, plan_text

if TYPE_CHECKING:
    import asyncio

    from floorbroker.venues import MarketPlan, Place

_MARK = "alpaca_exchange"
_START_S, _STOP_S = 60.0, 20.0
_SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,11}(/[A-Z]{3,5})?")


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What the mark may say, each with its default."""

    cash: str = "100000"
    symbols: tuple[str, ...] = ()
    start: datetime | None = None
    tape: Path | None = None
    speed: float | Literal["max"] = 0.0
    seed: int = 7
    faults: str = ""
    rules: "Place | None" = None


def pytest_configure(config: pytest.Config) -> None:
    names = ", ".join(f"{field.name}=..." for field in fields(_Options))
    config.addinivalue_line(
        "markers", f"{_MARK}({names}): how the exchange of the fixture `{_MARK}` begins"
    )


@pytest.fixture
def alpaca_exchange(request: pytest.FixtureRequest) -> Iterator[AlpacaExchange]:
    """An exchange that speaks Alpaca's protocol on this machine, new for every test.

    Its market does what the test says and its time stands still until the test moves it. The mark
    `@pytest.mark.alpaca_exchange(cash=..., symbols=..., start=..., tape=...)` changes that.
    """
    from floorbroker.domain.errors import ConfigError, TapeError

    with _told(ConfigError, TapeError, TypeError, ValueError):
        options = _options(request.node)
        market = _market(options)
    with _told(ConfigError, TapeError):
        served = _Served(market, options)
    try:
        yield AlpacaExchange(served.url)
    finally:
        served.stop()


class _Served:
    """The exchange at work in a thread of its own; waits for it are bounded."""

    def __init__(self, market: "MarketPlan", options: _Options) -> None:
        self.url = ""
        self._market = market
        self._options = options
        self._is_ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self._thread = threading.Thread(target=self._run, name=_MARK, daemon=True)
        self._thread.start()
        if not self._is_ready.wait(_START_S):
            raise TimeoutError(f"the exchange was not ready within {_START_S:g} s")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Raises what ended the exchange if it ended by itself."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_STOP_S)
        if self._failure is not None:
            raise self._failure
        if self._thread.is_alive():
            raise TimeoutError(f"the exchange did not stop within {_STOP_S:g} s")

    def _run(self) -> None:
        import asyncio

        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  (raised by whoever waits for the thread)
            self._failure = failure
        finally:
            self._is_ready.set()

    async def _serve(self) -> None:
        import asyncio

        from floorbroker.venues import serve_exchange

        options = self._options
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        async with serve_exchange(
            self._market,
            speed=options.speed,
            seed=options.seed,
            cash=options.cash,
            faults=options.faults,
            place=options.rules,
        ) as served:
            self.url = served.url
            self._is_ready.set()
            await served.while_it_lasts(self._stopping.wait())


def _market(options: _Options) -> "MarketPlan":
    """The recorded market, or one without a quote and a print but the test's own."""
    from msgspec.structs import replace

    from floorbroker.clock import ns_of
    from floorbroker.venues import open_market

    market = open_market(
        options.tape, options.symbols, options.seed, is_quiet=options.tape is None
    )
    return market if options.start is None else replace(market, start_ns=ns_of(options.start))


def _options(node: pytest.Item) -> _Options:
    """What the marks of a test say: its own before its class's before its module's."""
    given: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers(_MARK))):
        if mark.args:
            raise TypeError(f"{mark.args[0]!r} has no name; write cash=..., symbols=... and so on")
        given.update(mark.kwargs)
    unknown = sorted(set(given) - set(_CHECKS))
    if unknown:
        raise TypeError(f"no option {unknown[0]!r}; there are {', '.join(_CHECKS)}")
    if "tape" in given and "symbols" in given:
        raise ValueError(
            "symbols: a tape has its own; write tape='PATH@SYMBOL,SYMBOL' to choose among them"
        )
    return _Options(**{name: _CHECKS[name](name, value) for name, value in given.items()})


@contextmanager
def _told(*mistakes: type[Exception]) -> Iterator[None]:
    """Mistakes in a mark are told in one line: the traceback would be all ours."""
    try:
        yield
    except mistakes as mistake:
        text = f"@pytest.mark.{_MARK}: {mistake}"
        raise pytest.fail.Exception(text, pytrace=False) from None


def _symbols(name: str, value: object) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, Sequence | set | frozenset):
        raise TypeError(f'{name}: {value!r} must be a list such as ["AAPL", "BTC/USD"]')
    symbols = tuple(str(word).strip().upper() for word in words)
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise ValueError(f"{name}: {symbol!r} is no symbol; write AAPL or BTC/USD")
    return symbols


def _speed(name: str, value: object) -> float | Literal["max"]:
    if value == "max":
        return "max"
    wanted = 'a number of market seconds a second (0 stands still) up to 100000, or "max"'
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"{name}: {value!r} must be {wanted}")
    if not 0 <= value <= 100_000:
        raise ValueError(f"{name}: {value!r} must be {wanted}")
    return float(value)


def _tape(name: str, value: object) -> Path:
    if not isinstance(value, str | Path):
        raise TypeError(f"{name}: {value!r} must be a path, of a file or a folder")
    return Path(value)


def _seed(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: {value!r} must be a whole number")
    return value


def _rules(name: str, value: object) -> "Place":
    from floorbroker.venues import Place, read_rules

    if not isinstance(value, str | Mapping):
        wanted = 'TOML, or tables such as {"front": {"rate_limit": 200}}'
        raise TypeError(f"{name}: {value!r} must be {wanted}")
    exact = value if isinstance(value, str) else json.loads(json.dumps(value), parse_float=Decimal)
    return Place(rules=read_rules(exact, name))


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "cash": amount_text,
    "symbols": _symbols,
    "start": instant,
    "tape": _tape,
    "speed": _speed,
    "seed": _seed,
    "faults": lambda _, plan: plan_text(plan) or "",
    "rules": _rules,
}
