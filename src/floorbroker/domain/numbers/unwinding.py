"""How Almgren and Chriss (2000) unwind a holding: the closed form, in exact decimals.

Holdings fall as x_j = X sinh(kappa (T - t_j)) / sinh(kappa T). The decimals' `exp` and `ln` are
rounded the same on every machine, so that a decision is the same wherever it is replayed; and
nothing overflows, because only exponentials of negative numbers are taken.
"""

from decimal import Decimal

ONE, TWO = Decimal(1), Decimal(2)


def kept(kappa: Decimal, left_before: Decimal, left_after: Decimal) -> Decimal:
    """Which part of a holding is still held when the time to the end has fallen from
    `left_before` to `left_after`: sinh(kappa after) / sinh(kappa before), a straight line for
    kappa 0. `kappa` is per unit of the time in which the two are given.

    Raises ValueError where the times do not fall or kappa is negative.
    """
    if not 0 <= left_after <= left_before or left_before == 0:
        raise ValueError(f"the time left does not fall from {left_before} to {left_after}")
    if kappa < 0:
        raise ValueError(f"kappa: {kappa} is negative; it must be 0 or more")
    if kappa * left_before < Decimal("1e-9"):  # below it the two forms agree to all digits
        return left_after / left_before
    fallen = (-kappa * (left_before - left_after)).exp()
    return fallen * _rest(kappa * left_after) / _rest(kappa * left_before)


def _rest(area: Decimal) -> Decimal:
    return ONE - (-TWO * area).exp()


def holdings(
    qty: Decimal, kappa: Decimal, horizon: Decimal, intervals: int
) -> tuple[Decimal, ...]:
    """x_0..x_N at even times over the horizon."""
    left = [horizon * (intervals - place) / intervals for place in range(intervals + 1)]
    return tuple(qty * kept(kappa, horizon, after) for after in left)


def kappa_of(
    risk_aversion: Decimal, *, sigma: Decimal, eta: Decimal, gamma: Decimal, interval: Decimal
) -> Decimal:
    """Kappa from risk aversion (1/$), per unit of time (a day where sigma is daily).

    `sigma` in $/share/time^0.5, temporary impact `eta` in $/share per share/time, permanent
    `gamma` in $/share per share. Solves 2/tau^2 (cosh(kappa tau) - 1) = lambda sigma^2 / eta~
    with eta~ = eta - gamma tau/2. Raises ValueError where that is not positive.
    """
    eased = eta - gamma * interval / TWO
    if eased <= 0:
        raise ValueError(f"eta: {eta} must be more than gamma * interval / 2, {eta - eased}")
    if risk_aversion < 0:
        raise ValueError(f"risk_aversion: {risk_aversion} is negative; it must be 0 or more")
    excess = risk_aversion * sigma * sigma / eased * interval * interval / TWO
    # acosh(1 + excess); the sum under the root loses nothing where excess is small
    return (ONE + excess + (excess * (excess + TWO)).sqrt()).ln() / interval
