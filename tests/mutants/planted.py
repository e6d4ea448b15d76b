"""Every planted bug."""

from tests.mutants import evidence, guards, limits, orders

MUTANTS = (
    *orders.SENDING,
    *orders.EXECUTIONS,
    *evidence.PROOF,
    *evidence.GAPS,
    *evidence.ANSWERS,
    *evidence.KEEPING,
    *limits.CONTROLS,
    *limits.RESERVE,
    *guards.AT_TRADE,
    *guards.POST_TRADE,
)
