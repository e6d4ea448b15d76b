"""`floorbroker exchange`: serve Alpaca's wire protocol until told to stop."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from msgspec.structs import replace

from floorbroker.cli.exchange.look import DEFAULT_URL
from floorbroker.cli.root import DONE, say
from floorbroker.domain.errors import ConfigError, TapeError

if TYPE_CHECKING:
    from floorbroker.exchange.front.switches import Switches
    from floorbroker.venues import MarketPlan, Served

app = App(name="exchange", help="Serve the embedded exchange over Alpaca's wire protocol.")

app.command(
    "floorbroker.cli.exchange.look:look",
    name="look",
    help="What a running exchange holds: market, accounts, orders, fills, streams, faults.\n\n"
    "Example: floorbroker exchange look",
)

_SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,11}(/[A-Z]{3,5})?")
_READY = """\
exchange ready at {url}
  market    {market}
  look      {url}/_exchange in a browser, or floorbroker exchange look{look}
  controls  {url}/_exchange/orders  /fills  /quote  /trade  /clock  /faults  /reset

with the official SDK, any key pair names an account:
  from alpaca.trading.client import TradingClient
  from alpaca.trading.stream import TradingStream
  trading = TradingClient("KEY", "SECRET", url_override="{url}")
  stream = TradingStream("KEY", "SECRET", url_override="{ws}/stream")

with the desk:
  APCA_API_BASE_URL={url} APCA_API_DATA_URL={url} APCA_API_KEY_ID=KEY \\
  APCA_API_SECRET_KEY=SECRET floorbroker order submit buy 10 AAPL

Ctrl-C or SIGTERM stops it."""


@Parameter(name="*")
@dataclass(frozen=True)
class ExchangeOptions:
    """What to serve, and where.

    Parameters
    ----------
    host
        address to listen on
    port
        port to listen on; 0 takes a free one
    tape
        recorded market instead of the synthetic one
    speed
        market seconds per second, or max; with 0 time stands until /_exchange/clock moves it
    seed
        seed of the synthetic market
    faults
        fault plan, TOML or JSON
    actions
        corporate actions, TOML or JSON
    rules
        switches of the venue, its fills and its door, TOML
    cash
        starting cash of each account
    clock
        session starts at 10:00 New York of a fixed day; wall follows real time
    symbols
        symbols of the synthetic market, separated by commas
    quiet
        no market but what /_exchange/quote and /_exchange/trade say
    state
        keep the exchange's state in this file
    """

    host: str = "127.0.0.1"
    port: int = 8899
    tape: Path | None = None
    speed: str = "1"
    seed: int = 7
    faults: Path | None = None
    actions: Path | None = None
    rules: Path | None = None
    cash: int = 100_000
    clock: Literal["session", "wall"] = "session"
    symbols: str = ""
    quiet: Annotated[bool, Parameter(negative="")] = False
    state: Path | None = None


@app.default
def exchange(*, options: ExchangeOptions | None = None) -> int:
    """Serve trading REST, `/stream` and market data on one port until SIGTERM.

    Example: floorbroker exchange --port 8899 --speed 10
    """
    chosen = options or ExchangeOptions()
    if not 0 <= chosen.port <= 65_535:
        raise ConfigError(f"--port: {chosen.port} must be 0 (a free one) to 65535")
    if chosen.quiet and chosen.tape is not None:
        raise ConfigError("--quiet: has no tape; leave out --tape or --quiet")
    if chosen.cash < 0:
        raise ConfigError(f"--cash: {chosen.cash} must be 0 or more")
    from floorbroker import app as composition

    composition.run(_serve(chosen))
    return DONE


async def _serve(chosen: ExchangeOptions) -> None:
    from floorbroker import venues

    faults = _plan(chosen.faults)
    rules = _rules(chosen.rules)
    market = venues.open_market(
        chosen.tape,
        _symbols(chosen),
        chosen.seed,
        is_wall=chosen.clock == "wall",
        is_quiet=chosen.quiet,
    )
    market = _with_actions(market, chosen.actions)
    async with venues.serve_exchange(
        market,
        speed=_speed(chosen.speed),
        seed=chosen.seed,
        faults=faults,
        cash=str(chosen.cash),
        place=venues.Place(host=chosen.host, port=chosen.port, state=chosen.state, rules=rules),
    ) as served:
        await served.stopped(lambda: _announce(served, market.name))
    say("exchange stopped")


def _announce(served: "Served", market: str) -> None:
    url = served.url
    look = "" if url == DEFAULT_URL else f" --url {url}"
    say(_READY.format(url=url, ws=url.replace("http", "ws", 1), market=market, look=look))
    sys.stdout.flush()  # whoever started us may wait for it at the other end of a pipe


def _speed(text: str) -> float | Literal["max"]:
    if text == "max":
        return "max"
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed <= 100_000:
        wanted = "0 (time stands still), a number up to 100000, or max"
        raise ConfigError(f"--speed: {text!r} must be {wanted}")
    return speed


def _symbols(chosen: ExchangeOptions) -> tuple[str, ...]:
    symbols = tuple(word.strip().upper() for word in chosen.symbols.split(",") if word.strip())
    if symbols and chosen.tape is not None:
        raise ConfigError(
            "--symbols: is for the synthetic market; write --tape PATH@SYMBOL,SYMBOL"
        )
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise ConfigError(f"--symbols: {symbol!r} is no symbol; write AAPL,MSFT,BTC/USD")
    return symbols


def _plan(path: Path | None) -> str:
    """The text of a fault plan that is understood; raises TapeError."""
    from floorbroker.exchange.faults import parse_fault_plan

    if path is None:
        return ""
    text = _text(path, "--faults", "a plan is TOML or JSON")
    parse_fault_plan(text, f"{path}")  # here, so that a mistake is told with the file's name
    return text


def _rules(path: Path | None) -> "Switches":
    """The switches of a file; raises ConfigError."""
    from floorbroker.exchange.front.switches import Switches, parse_switches

    if path is None:
        return Switches()
    try:
        return parse_switches(_text(path, "--rules", "rules are TOML"), f"{path}")
    except ValueError as problem:
        raise ConfigError(f"--rules: {problem}") from None


def _with_actions(market: "MarketPlan", path: Path | None) -> "MarketPlan":
    """The market with the corporate actions of a file; raises TapeError."""
    from floorbroker.exchange.actions.reading import parse_actions

    if path is None:
        return market
    text = _text(path, "--actions", "a list of actions is TOML or JSON")
    actions = parse_actions(text, f"{path}")
    for n, action in enumerate(actions, 1):
        if action.symbol not in market.assets:
            wanted = f"one of {', '.join(market.assets)}"
            raise TapeError(
                f"{path}: action {n} ({action.kind}): symbol: {action.symbol!r} is not listed; "
                f"it must be {wanted}"
            )
    return replace(market, corporate_actions=actions)


def _text(path: Path, option: str, wanted: str) -> str:
    """What a file says; raises ConfigError naming the option if it cannot be read."""
    try:
        return path.read_text("utf-8")
    except OSError as problem:
        raise ConfigError(f"{option}: {path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{option}: {path} is no text; {wanted}") from None
