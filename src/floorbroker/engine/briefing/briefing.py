"""What is found out for an order before it is decided on: its instrument, its market, the account.

Where the limits require that something is known (the profile `live`), it is asked for, and an
order waits for the answer as long as for its instrument. Where they do not (`paper`), what is at
hand is used, nobody is asked, and what nobody told bounds nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from floorbroker.brokers.port import AccountReport
from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.order import Order, OrderRequest
from floorbroker.domain.position import Position
from floorbroker.domain.quotes import Quote
from floorbroker.engine.evidence.instruments import Instruments
from floorbroker.engine.exposure.facts import Facts, Reference
from floorbroker.engine.gates.risk import NOTHING_AROUND, Around
from floorbroker.engine.settings import Means
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import Limits

_NEW_YORK = ZoneInfo("America/New_York")
_ZERO = Decimal(0)
#: An answer about a symbol is used for other orders for this long; so is what positions are worth.
_ANSWER_NS = NS_PER_S
#: So long what was found serves the next order, too, where nobody tells of single symbols.
_SAME_NS = NS_PER_S // 100
Found = TypeVar("Found")


class Briefing:
    """Asks the cache, the live market where there is one, and else the broker.

    `prices` is the live market of a symbol and `adv` its average daily volume; whoever has them
    sets them. `peak` is the highest equity that was told today.
    """

    def __init__(self, means: Means, positions: Callable[[], dict[str, Position]]) -> None:
        self.prices: Callable[[str], Reference | None] = _untold
        self.adv: Callable[[str], Decimal | None] = _untold
        self.peak = _ZERO
        self.book: Callable[[], LimitBook] = lambda: means.settings.limits  #: What holds now.
        self._instruments = Instruments(means, positions)
        self._positions = positions
        self._means, self._clock, self._cache = means, means.clock, means.cache
        self._answers: dict[str, Reference] = {}
        self._today, self._day_until_ns = "", 0
        self._drift, self._drift_until_ns = _ZERO, 0
        self._found: Facts | None = None

    async def about(self, request: OrderRequest) -> Around:
        """What a new order is decided by, besides the book."""
        known = await self._instruments.known(request)
        account = self._means.broker.account
        limits = self.book().limits_for(account, request.strategy, request.symbol)
        return Around(known=known, facts=await self._facts(request.symbol, limits))

    async def about_change(self, order: Order | None) -> Around:
        """What the replace of an order is decided by."""
        if order is None:
            return NOTHING_AROUND
        return await self.about(order.request)

    async def _facts(self, symbol: str, limits: Limits) -> Facts:
        at_ns = self._clock.now_ns()
        must_ask = limits.reference_required or limits.equity_required
        found = self._found
        if found is not None and not must_ask and at_ns - found.at_ns < _SAME_NS:
            return found
        reference = self._price(symbol, limits, at_ns)
        account = self._account_at_hand()
        is_open = None
        if must_ask:
            reference, account, is_open = await self._asked(symbol, limits, reference)
        facts = Facts(
            at_ns=at_ns,
            reference=reference,
            is_open=is_open,
            today=self._date(at_ns),
            adv=self.adv(symbol),
            drift=self._worth_more(at_ns),
        )
        if account is not None:
            facts = self._with_account(facts, account)
        self._found = facts if self._is_alone and not must_ask else None
        return facts

    @property
    def _is_alone(self) -> bool:
        """Whether nobody tells of single symbols, so that facts are the same for all of them."""
        return self.prices is _untold and self.adv is _untold

    def _price(self, symbol: str, limits: Limits, now_ns: int) -> Reference | None:
        """The live price, or an answer that is as good as new."""
        found = self.prices(symbol)
        if found is not None and now_ns - found.at_ns <= limits.reference_age_s_max * NS_PER_S:
            return found
        answer = self._answers.get(symbol)
        return answer if answer is not None and now_ns - answer.at_ns <= _ANSWER_NS else found

    def _account_at_hand(self) -> AccountReport | None:
        shown = self._cache.last_account()
        return None if shown is None or shown.is_stale else shown.value

    async def _asked(
        self, symbol: str, limits: Limits, reference: Reference | None
    ) -> tuple[Reference | None, AccountReport | None, bool | None]:
        """Ask for what has to be known, at once and not for long."""
        account = phase = None
        is_old = (
            reference is None
            or self._clock.now_ns() - reference.at_ns > limits.reference_age_s_max * NS_PER_S
        )
        told, account, phase = await asyncio.gather(
            self._tried(self._newest(symbol)) if is_old else _nobody(),
            self._tried(self._account()) if limits.equity_required else _nobody(),
            self._tried(self._cache.market_phase()),
        )
        return told or reference, account, None if phase is None else phase.value.is_open

    async def _tried(self, question: Awaitable[Found]) -> Found | None:
        """What could not be told in time is not known, and what that means is the limits' say."""
        try:
            async with asyncio.timeout(self._means.settings.reference_wait_s):
                return await question
        except BrokerError as problem:
            self._means.errors.append(problem)
        except TimeoutError:
            pass
        return None

    async def _account(self) -> AccountReport:
        return (await self._cache.account()).value

    async def _newest(self, symbol: str) -> Reference | None:
        quote = await self._means.broker.latest_quote(symbol)
        if quote is None or not quote.has_both_sides:
            return None
        return self.heard(quote)

    def heard(self, quote: Quote) -> Reference:
        """Somebody asked the broker for a quote with two sides; orders of now are judged by it."""
        found = Reference(at_ns=quote.time_ns, bid_px=quote.bid_px, ask_px=quote.ask_px)
        self._answers[quote.symbol] = found
        while len(self._answers) > _ANSWERS_MAX:
            del self._answers[next(iter(self._answers))]
        return found

    def _with_account(self, facts: Facts, account: AccountReport) -> Facts:
        equity = Decimal(account.equity)
        self.peak = max(self.peak, equity)
        return replace(
            facts,
            equity=equity,
            first_equity=Decimal(account.last_equity),
            peak_equity=self.peak,
            broker_bp=Decimal(account.buying_power),
            multiplier=account.multiplier,
        )

    def _date(self, now_ns: int) -> str:
        """The date in New York; with a new one the day's peak begins anew."""
        if now_ns < self._day_until_ns:
            return self._today
        here = self._clock.now().astimezone(_NEW_YORK)
        midnight = datetime(here.year, here.month, here.day, 23, 59, 59, tzinfo=_NEW_YORK)
        today = here.date().isoformat()
        if today != self._today:
            self.peak = _ZERO
        self._today, self._day_until_ns = today, ns_of(midnight)
        return today

    def _worth_more(self, now_ns: int) -> Decimal:
        """What positions are worth beyond their cost, where the live market tells."""
        if now_ns < self._drift_until_ns or self.prices is _untold:
            return self._drift
        drift = _ZERO
        for position in self._positions().values():
            told = None if position.is_flat else self.prices(position.symbol)
            px = None if told is None else told.last_px
            if told is not None and told.bid_px is not None and told.ask_px is not None:
                px = (told.bid_px + told.ask_px) / 2
            if px is not None:
                drift += abs(Decimal(position.qty)) * px - abs(Decimal(position.cost))
        self._drift, self._drift_until_ns = drift, now_ns + _ANSWER_NS
        return drift


#: Symbols whose last answer is remembered.
_ANSWERS_MAX = 1024


def _untold(_: str) -> None:
    """Nobody tells."""


async def _nobody() -> None:
    """Nobody has to be asked."""
