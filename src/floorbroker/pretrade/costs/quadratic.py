"""The same trade-off solved in general: a quadratic program whose matrix has three diagonals.

It needs no closed form, so intervals may differ in length and volatility (a volume clock, a lunch
break, a half day), and it is what the closed form is tested against. With a_k = eta/tau_k -
gamma/2

    minimise sum(a_k*n_k^2) + lambda*sum(sigma_k^2*tau_k*x_k^2) - alpha*sum(tau_k*x_k)

over x_1 .. x_{N-1}; every row of the gradient names x_{k-1}, x_k and x_{k+1} alone, so elimination
from one end to the other solves it (Thomas' algorithm). Units as in `almgren_chriss`.
"""

from collections.abc import Sequence

from msgspec import Struct

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import not_negative, positive
from floorbroker.pretrade.costs.almgren_chriss import Program


class Step(Struct, frozen=True):
    """One interval of the schedule."""

    days: float
    sigma: float  #: volatility in it, $/share/day^0.5

    def __post_init__(self) -> None:
        positive("days", self.days)
        not_negative("sigma", self.sigma)


def even_steps(program: Program) -> list[Step]:
    """The program's own intervals: all alike."""
    return [Step(program.tau, program.sigma)] * program.intervals


def best_holdings(program: Program, steps: Sequence[Step]) -> list[float]:
    """x_0 .. x_N over these steps; the program's own intervals and volatility do not count.

    Raises InvalidModel where the objective has no minimum.
    """
    costs = [_cost(program, step) for step in steps]
    diagonal, right = [], []
    for place, step in enumerate(steps[:-1]):
        risk = program.risk_aversion * step.sigma**2 * step.days
        diagonal.append(2 * (costs[place] + costs[place + 1] + risk))
        right.append(program.drift * step.days)
    beside = [-2 * cost for cost in costs[1:-1]]
    if right:
        right[0] += 2 * costs[0] * program.shares
    return [program.shares, *_solved(diagonal, beside, right), 0.0]


def _cost(program: Program, step: Step) -> float:
    cost = program.eta / step.days - program.gamma / 2
    if cost <= 0:
        least = program.gamma * step.days / 2
        hint = f"it must be greater than gamma*tau/2 = {least:g}; take shorter intervals"
        raise InvalidModel("eta", f"{program.eta:g}", hint)
    return cost


def _solved(
    diagonal: Sequence[float], beside: Sequence[float], right: Sequence[float]
) -> list[float]:
    """The symmetric system with this diagonal and these neighbours of it."""
    pivots: list[float] = []
    values: list[float] = []
    for place, entry in enumerate(diagonal):
        factor = beside[place - 1] / pivots[-1] if place else 0
        pivot = entry - factor * beside[place - 1] if place else entry
        if pivot <= 0:
            hint = "waiting always pays, and no schedule is the best; take one nearer to 0"
            raise InvalidModel("risk_aversion", "so negative a value", hint)
        pivots.append(pivot)
        values.append(right[place] - factor * values[-1] if place else right[place])
    found: list[float] = []
    for place in reversed(range(len(diagonal))):
        later = beside[place] * found[-1] if found else 0
        found.append((values[place] - later) / pivots[place])
    return found[::-1]
