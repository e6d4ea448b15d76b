"""From targets to a plan that can be looked at, and from the plan to orders, phase by phase.

What is carried out is the plan that was seen: the same shares, or fewer where prices or cash have
moved against it, and nothing if the book has changed since. A crash in the middle leaves orders
like any others; a new plan begins with what is there by then.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from floorbroker import app
from floorbroker.deskwork.portfolio.looking import (
    Book,
    How,
    Look,
    Price,
    book_of,
    look_at,
    open_cost,
    prices_of,
)
from floorbroker.deskwork.portfolio.outlook import Ask, Outlook, outlook_of
from floorbroker.deskwork.portfolio.reading import targets_of
from floorbroker.deskwork.portfolio.sending import DirectSender, OnStep, Sender, Sent
from floorbroker.deskwork.portfolio.working import (
    AlgoSender,
    OnLook,
    Work,
    earlier_parents,
    unseen,
)
from floorbroker.domain.errors import BrokerError, Refused
from floorbroker.domain.order import Side
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.execution.algos.port import Need
from floorbroker.execution.catalog import named
from floorbroker.posttrade.wording import age_text, counted, money_text
from floorbroker.pretrade.allocation.cash import Buy, fitted
from floorbroker.pretrade.allocation.targets import Kind, Rules, Targets, check_targets
from floorbroker.pretrade.allocation.trades import Trade, TradeList, Why, trade_list

_NOTHING = Decimal(0)
#: A price that has moved further since the plan makes it another plan.
MOVED_MAX = Decimal("0.02")
#: Prices that are older are pointed out.
OLD_S = 60.0
#: How long cash may take to show what the sells of a phase brought.
_CASH_S, _CASH_STEP_S = 5.0, 0.1


class Rebalance(Struct, frozen=True, kw_only=True):
    """A plan: the trade list, the prices it was made at, and what to know before it is sent."""

    targets: Targets
    rules: Rules
    how: How
    trade_list: TradeList
    prices: Mapping[str, Price]
    book: Book
    made_at: datetime
    notes: tuple[str, ...] = ()


class Reached(Struct, frozen=True, kw_only=True):
    """One name at the end: its target, what is held, and what its trades came to."""

    symbol: str
    target: Decimal
    held: Decimal
    sent: tuple[Sent, ...]

    @property
    def is_there(self) -> bool:
        """Whether every trade that was planned filled."""
        return all(one.is_filled for one in self.sent)


class Outcome(Struct, frozen=True, kw_only=True):
    """What carrying a plan out came to. `cash` is the broker's at the end."""

    rows: tuple[Reached, ...]
    cash: Decimal
    traded_cash: Decimal  #: What all fills brought, or, negative, cost.

    @property
    def is_done(self) -> bool:
        return all(row.is_there for row in self.rows)


class Portfolio:
    """A desk's positions as a whole: `plan` them to targets, look at it, `carry_out` the plan."""

    def __init__(self, parts: app.Parts) -> None:
        self._parts = parts

    async def plan(
        self,
        targets: Any,
        rules: Rules | None = None,
        *,
        kind: Kind | str | None = None,
        how: How | None = None,
    ) -> Rebalance:
        """What to buy and sell to come to these targets: `Targets`, a pandas or polars frame,
        rows, or a mapping from symbol to number with its `kind`.

        Sends nothing. Raises TargetsError that names what is wrong; BrokerError where account,
        instruments or prices cannot be asked for.
        """
        wanted, chosen, manner = targets_of(targets, kind), rules or Rules(), how or How()
        check_targets(wanted, chosen)
        look = await look_at(self._parts, wanted, manner)
        found = trade_list(wanted, look.names, look.cash, chosen)
        return Rebalance(
            targets=wanted,
            rules=chosen,
            how=manner,
            trade_list=found,
            prices=look.prices,
            book=look.book,
            made_at=self._parts.clock.now(),
            notes=tuple(_notes(found, look, manner)),
        )

    async def outlook(self, plan: Rebalance, *, algo: str | None = None) -> Outlook:
        """What the plan is expected to cost, and what the controls would say of its trades; of
        those that an algorithm works, without the controls of a single order's size, and whether
        it has the volume curve that it needs."""
        catalog = self._parts.engine.parents.catalog
        is_blind = algo is not None and Need.CURVE in named(catalog, algo).needs
        ask = Ask(how=plan.how, algo=algo or "", needs_curve=is_blind)
        return await outlook_of(self._parts, plan.trade_list.trades, plan.prices, ask)

    def by_algo(self, plan: Rebalance, work: Work, on_look: OnLook = unseen) -> Sender:
        """A way to `carry_out` the plan: every trade a parent order, told to `on_look` once a
        second. Phases share what is left of the time."""
        whole = replace(work, phases=plan.trade_list.phases)
        return AlgoSender(self._parts, plan.how, whole, on_look)

    async def earlier_parents(self, on_look: OnLook = unseen) -> list[ParentStatus]:
        """The parent orders of a rebalance that was interrupted, at their ends: wait for them
        before a new plan is made."""
        return await earlier_parents(self._parts, on_look)

    async def carry_out(
        self,
        plan: Rebalance,
        *,
        on_step: OnStep | None = None,
        wait_s: float = 60.0,
        sender: Sender | None = None,
    ) -> Outcome:
        """Send the plan's trades, each phase once the one before has ended or had `wait_s`.

        Buys are cut to the cash that is there by then. `on_step` hears of each trade as it ends,
        with its place in the plan. Raises Refused, with nothing sent, where positions or orders
        have changed since the plan was made, or a price has moved by more than 2%.
        """
        if moved := book_of(self._parts).moved_since(plan.book):
            raise Refused(f"nothing was sent: since the plan was made {moved}; make a new plan")
        way = sender or DirectSender(self._parts, plan.how, wait_s)
        done: dict[int, Sent] = {}
        for phase in range(1, plan.trade_list.phases + 1):
            try:
                await self._phase(plan, phase, done, (way, on_step))
            except BrokerError as problem:
                if phase == 1 and not done:
                    raise
                _give_up(plan, phase, done, f"not sent: {problem}")
        account = (await self._parts.engine.cache.account(max_age_s=0)).value
        return _outcome(plan, done, book_of(self._parts), Decimal(account.cash))

    async def _phase(
        self,
        plan: Rebalance,
        phase: int,
        done: dict[int, Sent],
        way: tuple[Sender, OnStep | None],
    ) -> None:
        """Send what is due in this phase; every trade of it is in `done` afterwards."""
        sender, on_step = way
        due = {at: one for at, one in enumerate(plan.trade_list.trades) if one.phase == phase}
        prices = await prices_of(self._parts, [trade.symbol for trade in due.values()])
        live: dict[int, Trade] = {}
        for place, trade in due.items():
            is_late = phase > 1 and sender.takes_long and trade.symbol in prices
            if why := "" if is_late else _moved(plan, prices, trade):
                if phase == 1:
                    raise Refused(f"nothing was sent: {why}; make a new plan")
            elif _is_waiting(trade.symbol, done):
                why = "the order before it has not filled"
            if why:
                done[place] = Sent(trade=trade, text=f"not sent: {why}")
            else:
                live[place] = trade
        cut = await self._cut_to_cash(plan, live, prices, done)
        for place in live.keys() - cut.keys():
            done[place] = Sent(trade=live[place], text="not sent: the cash is not there")
        places = list(cut)

        def step(at: int, what: object) -> None:
            if on_step is not None:
                on_step(places[at], what)

        sent = await sender.send(list(cut.values()), prices, step)
        for place, one in zip(places, sent, strict=True):
            is_cut = one.trade.qty != live[place].qty
            text = f"cut to {one.trade.qty} by cash, {one.text}" if is_cut else one.text
            done[place] = replace(one, trade=live[place], text=text)

    async def _cut_to_cash(
        self,
        plan: Rebalance,
        live: Mapping[int, Trade],
        prices: Mapping[str, Price],
        done: Mapping[int, Sent],
    ) -> dict[int, Trade]:
        """The trades, the buys among them no larger than today's cash pays for."""
        buys = {place: one for place, one in live.items() if one.side is Side.BUY}
        if not buys:
            return dict(live)
        steps = {line.name.symbol: line.name for line in plan.trade_list.lines}
        asked = {
            str(place): Buy(
                qty=trade.qty,
                lot=steps[trade.symbol].buy_step,
                cost_px=prices[trade.symbol].worst(Side.BUY, plan.how),
                px=prices[trade.symbol].px,
            )
            for place, trade in buys.items()
        }
        cash = await self._cash(plan.trade_list.cash + sum(one.cash for one in done.values()))
        book = book_of(self._parts)
        known = await prices_of(self._parts, sorted(book.at_work))
        free = cash - plan.trade_list.kept_back - open_cost(book, known)
        got = fitted(asked, free, plan.rules.min_trade)
        return {
            place: replace(trade, qty=got[str(place)]) if place in buys else trade
            for place, trade in live.items()
            if place not in buys or got[str(place)]
        }

    async def _cash(self, expected: Decimal) -> Decimal:
        """The broker's cash, once it shows what the fills so far brought, fees apart; as it stands
        where that takes too long."""
        cache, clock = self._parts.engine.cache, self._parts.clock
        deadline = clock.monotonic() + _CASH_S
        while True:
            cash = Decimal((await cache.account(max_age_s=0)).value.cash)
            if cash >= expected - abs(expected) / 1000 or clock.monotonic() >= deadline:
                return cash
            await clock.sleep(_CASH_STEP_S)


def _give_up(plan: Rebalance, phase: int, done: dict[int, Sent], why: str) -> None:
    """What the phase has not sent is not sent; the next one may be able to ask again."""
    for place, trade in enumerate(plan.trade_list.trades):
        if trade.phase == phase and place not in done:
            done[place] = Sent(trade=trade, text=why)


def _is_waiting(symbol: str, done: Mapping[int, Sent]) -> bool:
    """Whether an earlier trade of this symbol has not filled."""
    return any(one.trade.symbol == symbol and not one.is_filled for one in done.values())


def _moved(plan: Rebalance, prices: Mapping[str, Price], trade: Trade) -> str:
    """In words, if the price is gone, or further from the plan's than it may be."""
    price = prices.get(trade.symbol)
    if price is None:
        return f"{trade.symbol} has no price any more"
    by = abs(price.px - trade.px) / trade.px
    if by <= MOVED_MAX:
        return ""
    return f"{trade.symbol} has moved by {by * 100:.1f}% since the plan, to {price.px:.2f}"


def _notes(found: TradeList, look: Look, how: How) -> Sequence[str]:
    """What to know before anything is sent, the gravest first."""
    notes = []
    if not look.is_open:
        notes.append(f"the market is closed until {look.next_open}; orders wait at the broker")
    traded = {trade.symbol for trade in found.trades}
    old = [one for symbol, one in look.prices.items() if symbol in traded and one.age_s > OLD_S]
    if old:
        age = age_text(timedelta(seconds=max(one.age_s for one in old)))
        notes.append(f"{counted(len(old), 'price')} of {len(traded)} are old, up to {age}")
    last = [name for name, one in look.prices.items() if name in traded and one.source == "last"]
    if last:
        notes.append(f"no quote, so priced at the last print: {_listed(last)}")
    for why, text in (
        (Why.ORDER_AGAINST, "not traded, open orders stand against it"),
        (Why.HELD_BY_ORDERS, "not traded, stops or legs hold the shares"),
        (Why.NO_SHORT, "not sold short, it cannot be borrowed"),
        (Why.NOT_NAMED, "not in the targets, stays as it is"),
    ):
        symbols = [line.name.symbol for line in found.lines if line.why is why]
        if symbols:
            notes.append(f"{text}: {_listed(symbols)}")
    if found.short_of_cash:
        symbols = [line.name.symbol for line in found.lines if line.why is Why.NO_CASH]
        slack = f", {how.slack_bps / 100:.2g}% of every buy set aside for prices that rise"
        aside = slack if how.limit_bps is None else ""
        lacking = f"{money_text(found.short_of_cash)} short of cash{aside}, so fewer shares of"
        notes.append(f"{lacking} {_listed(symbols)}")
    return notes


def _listed(symbols: Sequence[str]) -> str:
    shown = ", ".join(symbols[:8])
    return f"{shown} and {len(symbols) - 8} more" if len(symbols) > 8 else shown


def _outcome(plan: Rebalance, done: Mapping[int, Sent], book: Book, cash: Decimal) -> Outcome:
    by_symbol: dict[str, list[Sent]] = {}
    for place in sorted(done):
        by_symbol.setdefault(done[place].trade.symbol, []).append(done[place])
    rows = [
        Reached(
            symbol=line.name.symbol,
            target=line.target,
            held=book.held.get(line.name.symbol, _NOTHING),
            sent=tuple(by_symbol.get(line.name.symbol, ())),
        )
        for line in plan.trade_list.lines
        if line.why is not Why.NOT_NAMED
    ]
    traded = sum((one.cash for one in done.values()), _NOTHING)
    return Outcome(rows=tuple(rows), cash=cash, traded_cash=traded)
