"""Volume curves: how a day's volume spreads over its bins, estimated from earlier days.

Everything here is pure. A day is its bins' volumes; shares are fractions of the whole that sum to
one. The estimates use `Decimal`, so that the same days give the same curve everywhere.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from statistics import median

ONE = Decimal(1)
Shares = tuple[Decimal, ...]


def shares_of(volumes: Sequence[Decimal]) -> Shares:
    """Each bin's part of the day; raises ValueError for a day without volume."""
    total = sum(volumes, Decimal(0))
    if total <= 0:
        raise ValueError("volume: 0 in all bins; right is a day on which something was traded")
    return tuple(volume / total for volume in volumes)


def mean_curve(days: Sequence[Sequence[Decimal]]) -> Shares:
    """The mean of the days' shares, bin by bin, renormalised; every day weighs the same."""
    bins = _columns(days)
    return shares_of([sum(column, Decimal(0)) / len(column) for column in bins])


def median_curve(days: Sequence[Sequence[Decimal]]) -> Shares:
    """The median of the days' shares, bin by bin, renormalised; one odd day hardly moves it."""
    return shares_of([median(column) for column in _columns(days)])


def uniform_curve(bins: int) -> Shares:
    """As much in every bin: what to expect where nothing is known."""
    if bins < 1:
        raise ValueError(f"bins: {bins}; right is one or more")
    return (ONE / bins,) * bins


def share_error(expected: Shares, volumes: Sequence[Decimal]) -> Decimal:
    """The L1 distance of a curve from the day that came: 0 where it was right, at most 2."""
    found = shares_of(volumes)
    return sum((abs(one - two) for one, two in zip(expected, found, strict=True)), Decimal(0))


def next_slice(left: Decimal, expected: Sequence[Decimal], bin_number: int) -> Decimal:
    """What is left times this bin's part of what is still expected.

    The dynamic re-estimate: (X - done) * v_t / (v_t + v_t+1 + ...). The last bin takes all; bins
    without expected volume to the end share what is left alike.
    """
    ahead = expected[bin_number:]
    if not ahead:
        raise ValueError(f"bin: {bin_number}; right is 0 to {len(expected) - 1}")
    total = sum(ahead, Decimal(0))
    slice_qty = left * ahead[0] / total if total > 0 else left / len(ahead)
    return min(slice_qty, left)  # never more for the last digit's rounding


def reestimated(expected: Sequence[Decimal], seen: Sequence[Decimal]) -> Shares:
    """The curve once the first bins have come: what came, and the rest in the scale of today.

    `expected` are volumes or shares of earlier days. The bins ahead keep their shape and are
    scaled by what came over what was expected so far; nothing that is ahead is looked at.
    """
    if len(seen) > len(expected):
        raise ValueError(f"seen: {len(seen)} bins; right is at most {len(expected)}")
    came, awaited = sum(seen, Decimal(0)), sum(expected[: len(seen)], Decimal(0))
    scale = came / awaited if came > 0 and awaited > 0 else ONE
    ahead = [volume * scale for volume in expected[len(seen) :]]
    behind = seen if came > 0 else expected[: len(seen)]
    return shares_of([*behind, *ahead])


def widened(volumes: Sequence[Decimal], factor: int) -> list[Decimal]:
    """Neighbouring bins added together, `factor` at a time; the last may be of fewer."""
    return [sum(volumes[at : at + factor], Decimal(0)) for at in range(0, len(volumes), factor)]


def daily_volatility(closes: Sequence[Decimal]) -> Decimal | None:
    """Standard deviation (n - 1) of the daily log returns; None below two of them.

    Closes must be adjusted for splits, or a split is taken for a loss.
    """
    returns = [later.ln() - earlier.ln() for earlier, later in pairwise(closes)]
    if len(returns) < 2:
        return None
    mean = sum(returns, Decimal(0)) / len(returns)
    squares = sum(((one - mean) ** 2 for one in returns), Decimal(0))
    return (squares / (len(returns) - 1)).sqrt()


def _columns(days: Sequence[Sequence[Decimal]]) -> list[tuple[Decimal, ...]]:
    if not days:
        raise ValueError("days: none; right is at least one earlier day with the usual hours")
    if len({len(day) for day in days}) != 1:
        raise ValueError("days: their numbers of bins differ; leave out days with other hours")
    return list(zip(*(shares_of(day) for day in days), strict=True))
