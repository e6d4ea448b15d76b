"""While nobody knows what became of an order, its symbol takes no more risk, nor, with too many
such orders, does the account."""

from floorbroker.domain.errors import Halted
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State


def resolved(
    state: State,
    request: OrderRequest,
    settings: EngineSettings,
    *,
    apart_from: ClOrdID | None = None,
) -> None:
    """Raises Halted where UNKNOWN orders are too many: more than `unknown_per_symbol` in the
    symbol, or than `unknown_max` in the account. An order that can only make a position smaller
    passes; UNKNOWN orders count in full there."""
    if not state.book.unknown:
        return
    unknown = {name: one for name, one in state.book.unknown.items() if name != apart_from}
    here = [name for name, order in unknown.items() if order.symbol == request.symbol]
    if len(here) > settings.unknown_per_symbol:
        names, where, most = here, f"in {request.symbol}", settings.unknown_per_symbol
    elif len(unknown) > settings.unknown_max:
        names, where, most = list(unknown), "in the account", settings.unknown_max
    else:
        return
    if state.book.reduces(request):
        return
    raise Halted(
        f"no new orders {where} that add risk: what became of {', '.join(names[:_NAMED])}"
        f"{' and others' if len(names) > _NAMED else ''} is not known, and {most} such orders are"
        " allowed; it is being looked up, and orders are taken again once that is known"
    )


_NAMED = 3
