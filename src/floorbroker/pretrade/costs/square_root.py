"""The square root law: impact grows with the root of the part of a day's volume that is traded.

    cost = Y*sigma*sqrt(Q/V)                       fraction of the price, here in basis points

Q shares of a stock that trades V a day, with a volatility of sigma a day (a fraction), Y of order
one. It leaves the duration out. Sources: N. Torre, "Barra market impact model handbook" (1997); Y.
Sato, K. Kanazawa, "Does the square-root price impact law hold universally?" (arXiv:2411.13965),
who measure the exponent 1/2 on all orders of the Tokyo exchange. Almgren et al. (2005) reject 1/2
for the temporary part of theirs in favour of 3/5.
"""

from math import sqrt

from floorbroker.domain.numbers.estimates import all_positive

#: The prefactor; published fits lie between one half and one.
Y = 1.0


def cost_bps(shares: float, adv: float, daily_vol: float, *, prefactor: float = Y) -> float:
    """Expected cost in basis points."""
    all_positive(
        (("shares", shares), ("adv", adv), ("daily_vol", daily_vol), ("prefactor", prefactor))
    )
    return prefactor * daily_vol * sqrt(shares / adv) * 1e4
