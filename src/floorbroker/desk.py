"""The desk: the public face of the library, one journal, one writer, one account."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from msgspec import Struct

from floorbroker import app, config
from floorbroker.brokers.port import AccountReport, MarketPhase, PositionReport, StreamState
from floorbroker.clock import Clock
from floorbroker.domain.amounts import Number, Px, Qty, exact
from floorbroker.domain.errors import BrokerError, InvalidOrder, Refused, UnknownOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import Reconciliation
from floorbroker.domain.order import Order, OrderRequest, Side, TimeInForce
from floorbroker.domain.position import Position
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.engine.book import legs
from floorbroker.engine.recovery import Recovery
from floorbroker.engine.settings import Update
from floorbroker.journal.port import JournalReader, OrderFilter, Verification
from floorbroker.posttrade.trades import TradeReport, build_report
from floorbroker.publish.journaled import Status, held, listed

Word = TypeVar("Word", bound=StrEnum)

#: How long to wait for the end of orders that hold a position which is to be closed.
_HOLDERS_S = 60.0


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at, and how it is."""

    name: str
    is_ok: bool
    text: str


class Health(Struct, frozen=True, kw_only=True):
    """Whether the desk can be trusted with an order now."""

    mode: str
    account: str
    checks: tuple[Check, ...]

    @property
    def is_healthy(self) -> bool:
        return all(check.is_ok for check in self.checks)


class Desk:
    """Accepts orders, writes them down, sends each once and follows it to its end.

    `async with Desk.open() as desk:` replays the journal, reconciles with the broker and only then
    opens for orders. Methods raise `Refused` (we said no, nothing left), `BrokerError` (a question
    to the broker failed) or `JournalError` (the desk must stop).
    """

    def __init__(self, settings: config.Settings) -> None:
        self.settings = settings
        self._parts: app.Parts | None = None

    @classmethod
    def open(cls, settings: config.Settings | None = None) -> Self:
        """A desk with these settings, by default those of the environment; raises ConfigError."""
        return cls(config.load() if settings is None else settings)

    async def __aenter__(self) -> Self:
        self._parts = await app.start(self.settings)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        parts, self._parts = self._open, None
        await parts.aclose()

    @property
    def _open(self) -> app.Parts:
        if self._parts is None:
            raise Refused("the desk is not open; use it inside `async with Desk.open() as desk:`")
        return self._parts

    # Orders

    async def submit_order(self, request: OrderRequest) -> Order:
        """Place an order and return how it stands after the broker's first answer.

        Before anything leaves, the order is durable here. A broker's no is an order with
        `ord_status` rejected; no answer is one with `ord_status` unknown, which the desk goes on
        resolving. Raises Refused kinds when the order may not exist.
        """
        return await self._open.engine.submit(request)

    async def submit_orders(self, requests: Iterable[OrderRequest]) -> list[Order | Refused]:
        """Place many orders; one answer each, in the order given. A refusal is returned, not
        raised, so that the others are not lost sight of."""
        answers = await asyncio.gather(
            *(self.submit_order(request) for request in requests), return_exceptions=True
        )
        results: list[Order | Refused] = []
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Refused):
                raise answer
            results.append(answer)
        return results

    async def replace_order(
        self,
        cl_ord_id: str,
        *,
        qty: Number | None = None,
        limit_price: Number | None = None,
        stop_price: Number | None = None,
        trail: Number | None = None,
        time_in_force: TimeInForce | str | None = None,
    ) -> Order:
        """Change a live order; `qty` is the total, shares already filled included.

        The order keeps its ClOrdID. Raises Refused when it cannot be replaced as it stands.
        """
        return await self._open.engine.replace(
            ClOrdID(cl_ord_id),
            order_qty=None if qty is None else Qty(_number("qty", qty)),
            price=None if limit_price is None else Px(_number("limit_price", limit_price)),
            stop_px=None if stop_price is None else Px(_number("stop_price", stop_price)),
            trail=None if trail is None else _number("trail", trail),
            time_in_force=_word(TimeInForce, "time_in_force", time_in_force),
        )

    async def cancel_order(self, cl_ord_id: str) -> Order:
        """Ask for a cancel. It has taken effect only when the order has ended: see `wait`."""
        return await self._open.engine.cancel(ClOrdID(cl_ord_id))

    async def cancel_all_orders(self) -> list[Order]:
        """Ask for a cancel of every order that is not ended."""
        return await self._open.engine.cancel_all()

    async def get_order(self, cl_ord_id: str) -> Order:
        """The order, live or ended; raises UnknownOrder."""
        order = self._open.engine.order(ClOrdID(cl_ord_id))
        if order is None:
            raise UnknownOrder(f"no order {cl_ord_id} in {self.settings.journal_path}")
        return order

    async def get_legs(self, cl_ord_id: str) -> list[Order]:
        """The legs of a bracket, OCO or OTO order as they stand, the take-profit first; none
        before the broker has told of them. Raises UnknownOrder."""
        order = await self.get_order(cl_ord_id)
        legs = (self._open.engine.order(leg) for leg in order.legs)
        return [leg for leg in legs if leg is not None]

    async def get_all_orders(
        self,
        status: Status = "all",
        *,
        after: datetime | None = None,
        until: datetime | None = None,
        symbols: Sequence[str] = (),
        side: Side | str | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """Orders of this journal, newest first; `after` and `until` bound their creation."""
        chosen_side = _word(Side, "side", side)
        wanted = OrderFilter(
            after=after,
            until=until,
            symbols=tuple(symbol.upper() for symbol in symbols),
            side=None if chosen_side is None else chosen_side.value,
            limit=_positive("limit", limit),
        )
        return listed(self._open.engine.open_orders(), self._open.journal, status, wanted)

    async def wait(
        self, cl_ord_id: str, *, timeout_s: float | None = None, with_legs: bool = False
    ) -> Order:
        """The order once it has ended: of a bracket or an OTO that is the entry alone, `with_legs`
        waits for the end of all of it. Raises UnknownOrder, and TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            order = await self._open.engine.wait(ClOrdID(cl_ord_id))
            if with_legs:
                for leg in await self.get_legs(cl_ord_id):
                    await self._open.engine.wait(leg.cl_ord_id)
            return order

    def updates(self) -> AsyncIterator[Update]:
        """Every change of every order from now on, each durable before it is seen."""
        return self._open.engine.updates()

    # What we hold

    async def get_positions(self) -> list[Position]:
        """Our own book, by symbol; flat positions apart."""
        return held(self._open.engine.positions().values())

    async def get_position(self, symbol: str) -> Position:
        """Our own position; flat if we never traded the symbol."""
        symbol = symbol.upper()
        return self._open.engine.positions().get(symbol) or Position(symbol=symbol)

    async def get_broker_positions(self) -> list[PositionReport]:
        """The broker's own list, with its prices."""
        return await self._open.broker.positions()

    async def close_position(
        self, symbol: str, qty: Number | None = None, *, cancel_orders: bool = False
    ) -> Order:
        """Sell (or buy back) all of a position, or `qty` of it, at the market.

        Shares that open orders hold, such as the legs of a bracket, are refused with the orders'
        names; with `cancel_orders` these are canceled first, and the position closed once they
        have ended. TimeoutError if they do not within a minute.
        """
        position = await self.get_position(symbol)
        if position.is_flat:
            raise Refused(f"there is no position in {symbol.upper()} to close")
        side = Side.SELL if position.qty > 0 else Side.BUY
        size = abs(position.qty) if qty is None else Qty(_number("qty", qty))
        if size > abs(position.qty):
            raise InvalidOrder("qty", size, f"at most {abs(position.qty)!s} are held")
        holders = legs.holders(self._open.engine.open_orders(), position.symbol, side)
        held = legs.held_in_words(position, size, holders)
        if held and not cancel_orders:
            raise Refused(f"{held}; cancel these, or close with cancel_orders=True")
        if held:
            async with asyncio.timeout(_HOLDERS_S):
                await asyncio.gather(*map(self.cancel_order, legs.to_cancel(holders)))
                for order in holders:
                    await self.wait(order.cl_ord_id)
            return await self.close_position(symbol, qty)
        return await self.submit_order(OrderRequest.market(side, size, symbol))

    async def get_account(self) -> AccountReport:
        """The account as the broker states it."""
        return await self._open.broker.account_report()

    async def get_market_phase(self) -> MarketPhase:
        """Whether the regular session is open."""
        return await self._open.broker.market_phase()

    async def get_instruments(self) -> list[Instrument]:
        """Everything that the broker lists."""
        return await self._open.broker.instruments()

    async def get_quote(self, symbol: str) -> Quote:
        """The newest quote; raises Refused where there is none."""
        quote = await self._open.broker.latest_quote(symbol.upper())
        if quote is None:
            raise Refused(f"symbol: {symbol.upper()} has no quote at this broker")
        return quote

    async def get_bars(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Bar]]:
        """One-minute bars of each symbol, oldest first."""
        return await self._open.broker.bars(symbols, start, end)

    # Trust

    async def reconcile_positions(self) -> Reconciliation:
        """Hold our book against the broker's: every difference with cause, evidence and repair."""
        return await self._open.engine.reconcile()

    async def generate_trade_report(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> TradeReport:
        """What was asked, done and earned between two instants (UTC; all of it by default)."""
        return report_of(self._open.journal, start, end)

    async def verify_journal(self) -> Verification:
        """Walk the whole chain of records."""
        return self._open.journal.verify()

    @property
    def recovery(self) -> Recovery:
        """What the start found and repaired."""
        return self._open.recovery

    @property
    def epoch(self) -> int:
        """How often this journal was opened for writing, this time included."""
        return self._open.journal.epoch

    @property
    def clock(self) -> Clock:
        """The time by which the desk works: the market's where that is replayed."""
        return self._open.clock

    def errors(self) -> list[BrokerError]:
        """The broker's recent refusals and failures, each of its kind, oldest first."""
        return list(self._open.engine.errors)

    async def failed(self) -> BaseException:
        """Returns when the desk has to die (the journal failed), with the reason."""
        return await asyncio.shield(self._open.engine.failed)

    async def health_check(self) -> Health:
        """Look at the journal, the broker, the stream and the books; asks the broker twice."""
        parts = self._open
        state = parts.engine.health()
        checks = [
            Check(name="journal", is_ok=True, text=_journal_text(parts.journal)),
            await _broker_check(parts),
            Check(
                name="stream",
                is_ok=state.stream.state is StreamState.READY,
                text=f"{state.stream.state}, {state.stream.frames} frames, "
                f"{state.stream.quarantined} quarantined {state.stream.text}".rstrip(),
            ),
            Check(
                name="unknown orders",
                is_ok=state.unknown_orders == 0,
                text=f"{state.unknown_orders} without a known outcome",
            ),
            Check(
                name="reconciliation",
                is_ok=state.open_breaks == 0,
                text=f"{state.open_breaks} open breaks",
            ),
        ]
        return Health(
            mode=self.settings.mode, account=str(parts.broker.account), checks=tuple(checks)
        )


def report_of(
    journal: JournalReader, start: datetime | None = None, end: datetime | None = None
) -> TradeReport:
    """The trade report of any journal, also one that another process is writing."""
    return build_report(
        journal.records(),
        start=start,
        end=end,
        head=journal.head(),
    )


def write_report(
    report: TradeReport,
    bars: dict[str, list[Bar]],
    path: Path,
    verification: Verification | None = None,
) -> None:
    """Write the report as one HTML file; raises ConfigError where it cannot be written."""
    app.write_report(report, bars, path, verification)


async def _broker_check(parts: app.Parts) -> Check:
    try:
        account = await parts.broker.account_report()
        phase = await parts.broker.market_phase()
    except BrokerError as problem:
        return Check(name="broker", is_ok=False, text=f"does not answer: {problem.text}")
    session = "open" if phase.is_open else "closed"
    return Check(
        name="broker",
        is_ok=not account.is_trading_blocked,
        text=f"account {account.status}, equity {account.equity:,.2f}, market {session}",
    )


def _journal_text(journal: JournalReader) -> str:
    head = journal.head()
    return f"{head.seq} records, head {head.hash.hex()[:12]}"


def _number(field: str, value: Number) -> Decimal:
    try:
        return exact(value)
    except (TypeError, ValueError) as problem:
        raise InvalidOrder(field, repr(value), f"{problem}") from None


def _positive(field: str, value: int) -> int:
    if value < 1:
        raise InvalidOrder(field, value, "it must be 1 or more")
    return value


def _word(kind: type[Word], field: str, value: str | None) -> Word | None:
    if value is None:
        return None
    try:
        return kind(value.lower())
    except ValueError:
        hint = f"choose one of {', '.join(kind)}"
        raise InvalidOrder(field, repr(value), hint) from None
