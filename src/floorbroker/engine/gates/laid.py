"""The gate that states close: of the desk, of a symbol, of a strategy."""

from floorbroker.domain.amounts import ZERO_QTY
from floorbroker.domain.errors import Halted
from floorbroker.domain.messages import RiskState
from floorbroker.domain.order import Order, OrderRequest, Side
from floorbroker.engine.atrade.house import build_identity
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.standing.guards import Guards, Mark
from floorbroker.engine.state import State


def check(state: State, request: OrderRequest, _: EngineSettings) -> None:
    """Raises Halted where a state that is not ACTIVE forbids the order. What can only make a
    position smaller, whatever else is open, passes where it is REDUCING."""
    found = _laid(state.guards, request)
    if found is None:
        return
    mark, about, opens = found
    hint = ""
    if mark.state is RiskState.REDUCING:
        if state.book.reduces(request):
            return
        hint = "; only what makes a position smaller is taken"
    raise Halted(f"{about} is {mark.state.upper()}: {mark.in_words()}{hint}; {opens}")


def same_build(state: State, _: OrderRequest, settings: EngineSettings) -> None:
    """Raises Halted where something else was armed than what runs here."""
    armed = state.guards.armed
    if armed is None:
        return
    breach = build_identity(
        armed=armed.identity,
        here=settings.build,
        is_live=settings.is_live,
        limits=settings.guards,
    )
    if breach is not None:
        raise Halted(f"{breach.text}; `floorbroker arm` arms this one")


def check_change(state: State, request: OrderRequest) -> None:
    """Raises Halted where a replace that adds risk is forbidden; `request` is what it asks for."""
    found = _laid(state.guards, request)
    if found is not None:
        mark, about, opens = found
        raise Halted(
            f"{about} is {mark.state.upper()}: {mark.in_words()}; cancel the order, or replace it"
            f" by a smaller one; {opens}"
        )


def withheld(state: State, order: Order) -> str:
    """Why an order that waits must not leave any more; "" where it may. One that was let in under
    the state, or that only makes its position smaller, may."""
    found = _laid(state.guards, order.request)
    if found is None:
        return ""
    mark, about, _ = found
    is_later = order.created_time >= mark.since
    if mark.state is RiskState.REDUCING and (is_later or _still_reduces(state, order)):
        return ""
    return f"not sent: {about} is {mark.state.upper()}: {mark.in_words()}"


def _still_reduces(state: State, order: Order) -> bool:
    """Its own shares are reserved already."""
    exposure, request = state.book.exposure(order.symbol), order.request
    mine = request.order_qty or ZERO_QTY
    open_qty = exposure.buy_qty if request.side is Side.BUY else exposure.sell_qty
    return state.book.ends_part(request, max(open_qty - mine, ZERO_QTY))


def _laid(guards: Guards, request: OrderRequest) -> tuple[Mark, str, str] | None:
    """The mark that bears on the order, what it is about, and what takes it away."""
    desk, symbol, strategy = guards.desk, request.symbol, request.strategy
    if desk is not None:
        return desk, "trading", "`floorbroker resume --reason TEXT` ends that"
    if guards.symbols and symbol in guards.symbols:
        opens = f"`floorbroker resume --symbol {symbol} --reason TEXT` ends that"
        return guards.symbols[symbol], f"trading in {symbol}", opens
    if guards.strategies and strategy in guards.strategies:
        named = strategy or "-"
        opens = f"`floorbroker resume --strategy {named} --reason TEXT` ends that"
        return guards.strategies[strategy], f"strategy {named}", opens
    return None
