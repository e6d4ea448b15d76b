"""Whether an order that was proven never placed may be sent again, under the id it had.

Off unless `resend_unknown` is set. Safe against a double order only where the broker refuses a
second order with the same id for ever: should the first one turn up after all, the second attempt
is answered "must be unique", which proves that the order exists.
"""

from datetime import datetime

from floorbroker.brokers.port import Capabilities, Dedupe
from floorbroker.domain.errors import Refused
from floorbroker.domain.order import Order
from floorbroker.engine.gates import doubtful, gate
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State


def may_go_again(
    state: State,
    order: Order,
    capabilities: Capabilities,
    *,
    settings: EngineSettings,
    now: datetime,
) -> bool:
    """Whether the policy, the broker, the order's age and every gate allow it now."""
    if not settings.resend_unknown or capabilities.dedupe is not Dedupe.ENFORCED:
        return False
    if (now - order.created_time).total_seconds() > settings.lifetime_s(order.request):
        return False
    try:
        for check in gate.GATES:
            if check is not doubtful.resolved:
                check(state, order.request, settings)
        doubtful.resolved(state, order.request, settings, apart_from=order.cl_ord_id)
    except Refused:
        return False
    return True
