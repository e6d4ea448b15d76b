"""`floorbroker curve`: how a symbol's volume spreads over the day, from earlier days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, Json, say, say_json
from floorbroker.clock import SystemClock, datetime_of
from floorbroker.domain.errors import ConfigError, TapeError
from floorbroker.exchange.reference.calendar import regular_hours
from floorbroker.marketdata.history.asking import from_bars
from floorbroker.marketdata.history.day import HistoryDay, VolumeRules
from floorbroker.marketdata.history.estimate import Choice, History, history_of
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import NS_PER_MINUTE, new_york_date

app = App(name="curve", help="How a symbol's volume spreads over the day.")

SESSION_MINUTES = 390
BAR = "#"


@Parameter(name="*")
@dataclass(frozen=True)
class CurveOptions:
    """Which days and prints count.

    Parameters
    ----------
    days
        how many usual days before, at most
    bin
        minutes in a bin; a part of 390
    median
        the median of the days instead of their mean
    before
        only days before this date, such as 2026-03-23
    exclude
        leave this day out, too; may be repeated
    special
        take short days and expirations too
    auctions
        count auction prints
    ineligible
        count late, derivatively priced, crossed and hidden prints
    lit
        leave out prints from off the exchanges
    """

    days: int = 20
    bin: int = 30
    median: Annotated[bool, Parameter(negative="")] = False
    before: str | None = None
    exclude: tuple[str, ...] = ()
    special: Annotated[bool, Parameter(negative="")] = False
    auctions: Annotated[bool, Parameter(negative="")] = False
    ineligible: Annotated[bool, Parameter(negative="")] = False
    lit: Annotated[bool, Parameter(negative="")] = False


@app.default
def curve(
    symbol: str,
    /,
    *,
    history: Annotated[
        Path | None, Parameter(help="files of earlier days; without it the broker is asked")
    ] = None,
    options: CurveOptions | None = None,
    json: Json = False,
) -> int:
    """Volume curve, average volume, volatility and spread of the days before, with their age.

    Examples: floorbroker curve SPY --history bars.parquet --before 2026-03-23
              floorbroker curve IBM --history ticks/ibm --median --bin 15
    """
    chosen = options or CurveOptions()
    reading, choice = _asked(chosen)
    name = symbol.upper()
    days: Sequence[HistoryDay]
    now_ns, note = SystemClock().now_ns(), ""
    if history is not None:
        days = list(reading.days(history, name, choice.before))
    else:
        days, now_ns, note = _of_market(name, reading, choice)
    found = history_of(days, regular_hours, choice)
    if json:
        say_json(view(found, now_ns))
    else:
        _tell(found, now_ns, note)
    return DONE


def view(found: History, now_ns: int) -> dict[str, object]:
    """The contract of `--json`."""
    return {
        "symbol": found.symbol,
        "method": found.method,
        "bin_minutes": found.bin_ns // NS_PER_MINUTE,
        "shares": [f"{share:.8f}" for share in found.shares],
        "adv": f"{found.adv:.2f}",
        "daily_volatility": _digits(found.daily_volatility, 6),
        "spread": _digits(found.spread, 6),
        "days": [day.isoformat() for day in found.days],
        "left_out": [{"day": one.day.isoformat(), "why": one.why} for one in found.left_out],
        "source": found.source,
        "as_of": datetime_of(found.as_of_ns).isoformat(),
        "age_s": found.age_s(now_ns),
    }


def _asked(chosen: CurveOptions) -> tuple[Reading, Choice]:
    if chosen.days < 1:
        raise ConfigError(f"--days: {chosen.days} found; right is one or more")
    if chosen.bin < 1 or SESSION_MINUTES % chosen.bin:
        raise ConfigError(f"--bin: {chosen.bin} found; right is a part of 390, such as 15 or 30")
    rules = VolumeRules(
        auctions=chosen.auctions, ineligible=chosen.ineligible, off_exchange=not chosen.lit
    )
    choice = Choice(
        days=chosen.days,
        method="median" if chosen.median else "mean",
        before=_date("--before", chosen.before) if chosen.before else None,
        special=frozenset(_date("--exclude", day) for day in chosen.exclude),
        takes_special=chosen.special,
    )
    return Reading(regular_hours, chosen.bin * NS_PER_MINUTE, rules), choice


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is no date; write 2026-03-23") from None


_Asked = tuple[Sequence[HistoryDay], int, str]


def _of_market(symbol: str, reading: Reading, choice: Choice) -> _Asked:
    """The days of whoever the settings name, the time of his market, and what people must know of
    it; opens no desk."""
    from floorbroker import app as composition
    from floorbroker import config

    async def ask() -> _Asked:
        async with composition.open_earlier(config.load()) as known:
            if known.lists is None:
                raise ConfigError("--history: name files of earlier days; a tape has none of bars")
            before = choice.before or new_york_date(known.now_ns)  # today is not over
            source = from_bars(known.lists[0], reading, called=known.called)
            try:
                days = await source.days(symbol, before, choice.days)
            except TapeError as problem:
                raise TapeError(f"{known.called.bars}: {problem}") from None
            return days, known.now_ns, known.note(symbol)

    return composition.run(ask())


def _tell(found: History, now_ns: int, note: str) -> None:
    age_days = found.age_s(now_ns) // 86_400
    say(f"{found.symbol}  {found.method} of {len(found.days)} days, from {found.source}")
    say(f"newest fact  {datetime_of(found.as_of_ns):%Y-%m-%d %H:%M} UTC, {age_days:,} days ago")
    say(f"average volume a day  {found.adv:,.0f}")
    volatility = "unknown" if found.daily_volatility is None else f"{found.daily_volatility:.2%}"
    say(f"daily volatility  {volatility}")
    say(f"average spread  {_digits(found.spread, 4) or 'unknown: no quotes in it'}")
    if note:
        say(f"note  {note}")
    for one in found.left_out:
        say(f"left out  {one.day}: {one.why}")
    most = max(found.shares)
    for number, share in enumerate(found.shares):
        minutes = 570 + number * (found.bin_ns // NS_PER_MINUTE)
        bar = BAR * int(share / most * 40)
        say(f"{minutes // 60:02d}:{minutes % 60:02d}  {share:7.2%}  {bar}")


def _digits(number: object, digits: int) -> str | None:
    return None if number is None else f"{number:.{digits}f}"
