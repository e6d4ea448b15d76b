"""What may be said of a rebalance at the prompt, and what of it cannot be meant."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from floorbroker.cli.working.asking import PARAM
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.deskwork.portfolio.looking import How
    from floorbroker.pretrade.allocation.targets import Rules

_PERCENT = Decimal(100)
#: Of what buys may cost beyond the quote, set aside for the hours in which they are worked.
ALGO_SLACK_BPS = Decimal(100)


@Parameter(name="*")
@dataclass(frozen=True)
class RebalanceOptions:
    """What is traded, how, and whether to ask.

    Parameters
    ----------
    dry_run
        show the plan and send nothing
    yes
        do not ask
    cash_back
        keep so much cash: dollars, or a part of the portfolio such as 2%
    band
        trade only what is further from its target than this part of the portfolio, such as 0.5%
    to
        trade what left its band to the target, or to the band's edge
    min_trade
        leave out trades of fewer dollars
    limit_bps
        limit orders no further than so many basis points beyond the quote, not market orders
    lot
        trade in multiples of so many shares
    fractional
        trade fractions of shares, where the instrument allows them
    long_short
        allow negative targets
    gross
        with --long-short: what weights may add up to without their signs, 2 by default
    close_others
        close what is held and not in the file
    algo
        work each trade by this algorithm instead of sending it at once
    end
        with --algo: a while (2h), a time in New York (15:55), or RFC 3339
    param
        with --algo: NAME=VALUE of the algorithm, again for more
    wait
        seconds that the orders of a phase get to fill
    """

    dry_run: Annotated[bool, Parameter(negative="")] = False
    yes: Annotated[bool, Parameter(negative="")] = False
    cash_back: str = "0"
    band: str = "0"
    to: Literal["target", "edge"] = "target"
    min_trade: str = "1"
    limit_bps: str | None = None
    lot: str = "1"
    fractional: Annotated[bool, Parameter(negative="")] = False
    long_short: Annotated[bool, Parameter(negative="")] = False
    gross: str | None = None
    close_others: Annotated[bool, Parameter(negative="")] = False
    algo: str | None = None
    end: str | None = None
    param: PARAM = ()
    wait: float = 60.0


@Parameter(name="*")
@dataclass(frozen=True)
class RehearsalOptions:
    """A recorded day to play it on.

    Parameters
    ----------
    tape
        rehearse on this recorded market: nothing leaves the machine, hours take minutes
    day
        with --tape: its day, such as 2026-03-23
    start
        with --tape: when the plan is made, in New York; 5 minutes after the bell without it
    out
        with --tape: folder of the journal and the report, rebalance-DAY without it
    cash
        with --tape: what the account begins with, dollars
    seed
        with --tape: of everything that chance decides
    history
        with --tape: files of earlier days; those beside the tape without it
    """

    tape: Path | None = None
    day: str | None = None
    start: str | None = None
    out: Path | None = None
    cash: str = "1000000"
    seed: int = 0
    history: Path | None = None


def check_way(chosen: RebalanceOptions) -> None:
    """Raises ConfigError where the options ask for a way of trading that does not exist."""
    check_algo(chosen.algo, chosen.end, chosen.param)
    if chosen.wait <= 0:
        raise ConfigError(f"--wait: {chosen.wait:g} must be more than 0 seconds")
    if chosen.to == "edge" and not _number("--band", chosen.band, is_part=True):
        raise ConfigError("--to: edge is that of a band; give --band")
    if chosen.gross is not None and not chosen.long_short:
        raise ConfigError("--gross: is for --long-short; a long-only portfolio adds up to 1")


def check_algo(algo: str | None, end: str | None, param: tuple[str, ...]) -> None:
    """Raises ConfigError where no algorithm can be meant by this."""
    if algo is None:
        if end is not None:
            raise ConfigError("--end: says when an algorithm is done; give it with --algo")
        if param:
            raise ConfigError("--param: is for an algorithm; give it with --algo")
        return
    from floorbroker.domain.errors import InvalidOrder
    from floorbroker.execution.catalog import SHIPPED, named

    try:
        named(SHIPPED, algo)
    except InvalidOrder as problem:
        raise ConfigError(f"--algo: {problem.value} is none; {problem.hint}") from None
    if end is None:
        raise ConfigError(f"--end: missing; say when {algo} is to be done, such as --end 15:55")


def check_rehearsal(played: RehearsalOptions) -> None:
    """Raises ConfigError where a rehearsal's options stand without a tape."""
    if played.tape is not None:
        return
    for name in ("day", "start", "out", "cash", "seed", "history"):
        if getattr(played, name) != getattr(RehearsalOptions(), name):
            raise ConfigError(
                f"--{name}: is for a rehearsal on a recorded day; give it with --tape"
            )


def rules_of(chosen: RebalanceOptions) -> "Rules":
    from floorbroker.pretrade.allocation.targets import Rules

    is_part = chosen.cash_back.rstrip().endswith("%")
    kept = _number("--cash-back", chosen.cash_back, is_part=True)
    gross = chosen.gross
    return Rules(
        is_long_short=chosen.long_short,
        gross=None if gross is None else _number("--gross", gross, is_part=True),
        cash_back=Decimal(0) if is_part else kept,
        cash_back_part=kept if is_part else Decimal(0),
        min_trade=_number("--min-trade", chosen.min_trade),
        band=_number("--band", chosen.band, is_part=True),
        is_to_edge=chosen.to == "edge",
        closes_others=chosen.close_others,
    )


def how_of(chosen: RebalanceOptions) -> "How":
    from floorbroker.deskwork.portfolio.looking import How

    lot = _number("--lot", chosen.lot)
    if lot < 1 or lot % 1:
        raise ConfigError(f"--lot: {chosen.lot} must be a whole number of shares, 1 or more")
    if chosen.fractional and lot != 1:
        raise ConfigError("--fractional: has no lots; leave out --lot or --fractional")
    limit_bps = chosen.limit_bps
    return How(
        slack_bps=How().slack_bps if chosen.algo is None else ALGO_SLACK_BPS,
        limit_bps=None if limit_bps is None else _number("--limit-bps", limit_bps),
        lot=lot,
        is_fractional=chosen.fractional,
    )


def _number(option: str, text: str, *, is_part: bool = False) -> Decimal:
    """The number, 0 or more; of a part of the portfolio also in percent. Raises ConfigError."""
    from floorbroker.domain.amounts import exact

    bare = text.strip()
    is_percent = is_part and bare.endswith("%")
    try:
        number = exact(bare.removesuffix("%").rstrip() if is_percent else bare)
    except ValueError as problem:
        right = "a number such as 0.5%" if is_part else "a number such as 100"
        raise ConfigError(f"{option}: {problem}; {right} is right") from None
    if number < 0:
        raise ConfigError(f"{option}: {text} must be 0 or more")
    return number / _PERCENT if is_percent else number
