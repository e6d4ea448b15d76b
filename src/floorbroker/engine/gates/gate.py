"""The gates that a new order passes, one after the other, before it is written down."""

from collections.abc import Callable

from floorbroker.domain.order import OrderRequest
from floorbroker.engine.gates import doubtful, halted, laid, stale, unexplained
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State

#: Raises Halted, or another Refused, with a text that says what closed it and what opens it.
Gate = Callable[[State, OrderRequest, EngineSettings], None]

GATES: tuple[Gate, ...] = (
    halted.check,
    laid.check,
    laid.same_build,
    stale.stale_journal,
    doubtful.resolved,
    unexplained.explained,
)


def check(state: State, request: OrderRequest, settings: EngineSettings) -> None:
    """Raises what the first closed gate raises."""
    for gate in GATES:
        gate(state, request, settings)
