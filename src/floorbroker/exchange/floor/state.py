"""All that a venue must not forget, as one value: written down, and taken up again."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice

import msgspec
from msgspec import Struct, field

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.daytrades import DayTrades
from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.matching.positions import Holding
from floorbroker.exchange.model import (
    ZERO,
    Configuration,
    DayClose,
    Entitlement,
    Entry,
    Execution,
    VenueOrder,
    Watchlist,
)
from floorbroker.exchange.records.archive import execution_number, order_number

#: Raised when the meaning of what is written changes.
STATE_VERSION = 2


class Counters(Struct, frozen=True, kw_only=True):
    """Where time, events and identifiers had got to."""

    version: int
    now_ns: int
    seq: int
    ids_tail: str
    ids_count: int
    announced: list[str] = []


class FeeCharge(Struct, frozen=True, kw_only=True):
    """A day's fee of one kind, positive, as it was once written down."""

    id: str
    date: str
    kind: str
    amount: Decimal
    time_ns: int
    description: str


class AccountState(Struct, frozen=True, kw_only=True):
    """An account without its orders, from which the rest follows."""

    key_id: str
    id: str
    created_ns: int
    starting_cash: Decimal
    cash: Decimal
    last_equity: Decimal
    configuration: Configuration
    trading_blocked: bool
    account_blocked: bool
    charged_to: int
    positions: list[Holding]
    fees: list[FeeCharge] = []  #: Of files from before there were entries.
    watchlists: list[Watchlist] = []
    closes: list[DayClose] = []
    entries: list[Entry] = []
    entitlements: list[Entitlement] = []
    orders_taken: int = 0
    day_trades: DayTrades = field(default_factory=DayTrades)


class State(Struct, frozen=True, kw_only=True):
    """A venue, whole. Orders and executions are in the order in which they came about."""

    counters: Counters
    marks: dict[str, Decimal]
    accounts: list[AccountState]
    orders: list[VenueOrder]
    executions: list[Execution]


def counters_of(blotter: Blotter) -> Counters:
    return Counters(
        version=STATE_VERSION,
        now_ns=blotter.now_ns,
        seq=blotter.seq,
        ids_tail=blotter.ids.tail,
        ids_count=blotter.ids.count,
        announced=blotter.announced,
    )


def account_state(account: VenueAccount) -> AccountState:
    return AccountState(
        key_id=account.key_id,
        id=account.id,
        created_ns=account.created_ns,
        starting_cash=account.starting_cash,
        cash=account.cash,
        last_equity=account.last_equity,
        configuration=account.configuration,
        trading_blocked=account.trading_blocked,
        account_blocked=account.account_blocked,
        charged_to=account.charged_to,
        positions=list(account.positions.values()),
        watchlists=list(account.watchlists.values()),
        closes=account.closes,
        entries=account.entries,
        entitlements=account.entitlements,
        orders_taken=account.orders_taken,
        day_trades=account.day_trades,
    )


def export_state(blotter: Blotter) -> bytes:
    """The whole state as JSON."""
    return msgspec.json.encode(
        State(
            counters=counters_of(blotter),
            marks=blotter.marks.px,
            accounts=[account_state(account) for account in blotter.accounts.values()],
            orders=list(blotter.orders.values()),
            executions=list(blotter.executions),
        )
    )


def import_state(blotter: Blotter, state: bytes) -> None:
    """Take up an exported state; raises ValueError for bytes that are none."""
    try:
        decoded = msgspec.json.decode(state, type=State)
    except msgspec.DecodeError as error:
        raise ValueError(f"this is no state of an exchange: {error}") from None
    take_up(blotter, decoded)


def take_up(blotter: Blotter, state: State) -> None:
    """Put a state into a blotter that has not been used; the venue must settle in afterwards.

    Raises ValueError for a state of another version.
    """
    counters = state.counters
    if counters.version not in (1, STATE_VERSION):
        raise ValueError(f"the state has version {counters.version}; this is {STATE_VERSION}")
    assert not blotter.accounts, "a state is taken up before the first order"
    blotter.now_ns = max(blotter.now_ns, counters.now_ns)
    blotter.seq = counters.seq
    blotter.ids.go_on(counters.ids_tail, counters.ids_count)
    blotter.announced = list(counters.announced)
    for symbol, px in state.marks.items():
        blotter.marks.set(symbol, px)
    for account in state.accounts:
        _take_up_account(blotter, account)
    for order in sorted(state.orders, key=order_number):
        blotter.orders.restore(order)
    for execution in state.executions:
        blotter.executions.append(execution)
    if counters.version == 1:
        _count_charged(blotter)


def _take_up_account(blotter: Blotter, state: AccountState) -> None:
    account = blotter.restore_account(state.key_id, state.id, state.created_ns)
    account.starting_cash = state.starting_cash
    account.cash = state.cash
    account.last_equity = state.last_equity
    account.configuration = state.configuration
    account.trading_blocked = state.trading_blocked
    account.account_blocked = state.account_blocked
    account.charged_to = state.charged_to
    account.entries = [_entry_of(fee) for fee in state.fees] + list(state.entries)
    account.entitlements = list(state.entitlements)
    account.watchlists = {each.id: each for each in state.watchlists}
    account.closes = list(state.closes)
    account.orders_taken = state.orders_taken
    account.day_trades = state.day_trades
    account.positions = {each.symbol: each for each in _without_holds(state.positions)}


def _entry_of(fee: FeeCharge) -> Entry:
    return Entry(
        id=fee.id,
        kind="FEE",
        sub_kind=fee.kind,
        date=fee.date,
        time_ns=fee.time_ns,
        net_amount=-fee.amount,
        description=fee.description,
    )


def _count_charged(blotter: Blotter) -> None:
    """Version 1 counted the executions that an account's fees cover."""
    for account in blotter.accounts.values():
        covered = islice(blotter.executions.of(account.key_id), account.charged_to)
        account.charged_to = max(map(execution_number, covered), default=0)


def _without_holds(positions: Iterable[Holding]) -> Iterable[Holding]:
    """What orders tie up is counted again as they are taken up."""
    for holding in positions:
        holding.held_qty = ZERO
        yield holding
