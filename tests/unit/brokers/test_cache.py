"""What the broker last said: fresh or refused, one request for many, dropped by news."""

import asyncio
from collections.abc import Collection
from datetime import date, datetime, timedelta

import pytest
from msgspec.structs import replace

from floorbroker.brokers.cache import SINGLES_MAX, BrokerCache
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    ActivityKind,
    CalendarDay,
    MarketPhase,
)
from floorbroker.brokers.shelf import CacheStats, Kind
from floorbroker.domain.amounts import Money
from floorbroker.domain.errors import BrokerRejected, BrokerUnknown
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import (
    DeskClosed,
    ExecType,
    JournalMessage,
    RequestKind,
    RequestSent,
)
from tests.unit.engine.book.test_booking import report, trade
from tests.unit.engine.scripted import ACCOUNT, START, ScriptedBroker, virtual

FILL = ActivityKind.FILL


class Teller(ScriptedBroker):
    """Answers each question after a while, with a number that grows; fails while told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = 0
        self.wait_s = 0.1
        self.rows: list[Activity] = []
        self.after_ids: list[str | None] = []

    async def _told(self) -> int:
        if self.is_failing:
            raise BrokerUnknown("HTTP 504")
        self.answers += 1
        found = self.answers
        await self.clock.sleep(self.wait_s)
        return found

    async def account_report(self) -> AccountReport:
        worth = Money(await self._told())
        return AccountReport(
            account=ACCOUNT,
            status="ACTIVE",
            currency="USD",
            cash=worth,
            equity=worth,
            last_equity=worth,
            buying_power=worth,
            initial_margin=worth,
            maintenance_margin=worth,
            multiplier=2,
            is_trading_blocked=False,
            is_shorting_enabled=True,
        )

    async def market_phase(self) -> MarketPhase:
        number = await self._told()
        now = self.clock.now() + timedelta(hours=1)  # its clock is ahead of ours
        return MarketPhase(
            broker_time=now,
            is_open=number % 2 == 1,
            next_open=now + timedelta(days=1),
            next_close=now + timedelta(seconds=60),
        )

    async def instrument(self, symbol: str) -> Instrument | None:
        await self._told()
        return None if symbol == "NOPE" else Instrument(symbol=symbol)

    async def instruments(self) -> list[Instrument]:
        await self._told()
        return [Instrument(symbol=f"S{number}") for number in range(50)]

    async def calendar(self, start: date, end: date) -> list[CalendarDay]:
        await self._told()
        day = CalendarDay(
            day=start, opens=START, closes=START, extended_opens=START, extended_closes=START
        )
        return [day]

    async def activities(
        self,
        kinds: Collection[ActivityKind] = (),
        *,
        since: datetime | None = None,
        after_id: str | None = None,
    ) -> list[Activity]:
        await self._told()
        self.after_ids.append(after_id)
        names = [row.activity_id for row in self.rows]
        if after_id is not None and after_id not in names:
            raise BrokerRejected("invalid page_token")
        return self.rows[names.index(after_id) + 1 :] if after_id else list(self.rows)


def made() -> tuple[Teller, BrokerCache]:
    broker = Teller()
    return broker, BrokerCache(broker, broker.clock)


def stats_of(cache: BrokerCache, kind: Kind) -> CacheStats:
    return next(found for found in cache.stats() if found.kind is kind)


def fill(number: int, seconds: int) -> Activity:
    when = START + timedelta(seconds=seconds)
    return Activity(activity_id=f"a{number}", kind=FILL, code="FILL", time=when)


@virtual
async def test_an_answer_is_believed_for_its_stated_time_and_tells_its_age() -> None:
    broker, cache = made()
    first = await cache.account()
    await broker.clock.sleep(0.5)
    again = await cache.account()
    assert (broker.answers, again.value, again.as_of) == (1, first.value, START)
    assert again.age_s == pytest.approx(0.6)  # from the question on, not from the answer
    assert again.is_good(broker.clock.now())
    await broker.clock.sleep(0.5)
    assert (await cache.account()).value.cash == 2
    found = stats_of(cache, Kind.ACCOUNT)
    assert (found.hits, found.misses, found.hit_rate) == (1, 2, 0.3333)


@virtual
async def test_a_decision_may_rest_on_it_until_its_time_is_over() -> None:
    broker, cache = made()
    told = await cache.account()
    assert told.is_good(START + timedelta(seconds=1))
    assert not told.is_good(START + timedelta(seconds=1.01))
    await broker.clock.sleep(2)
    assert not told.is_good(broker.clock.now())


@virtual
async def test_many_who_ask_share_one_request() -> None:
    broker, cache = made()
    answers = await asyncio.gather(*(cache.account() for _ in range(50)))
    assert broker.answers == 1
    assert {answer.value.cash for answer in answers} == {Money(1)}
    found = stats_of(cache, Kind.ACCOUNT)
    assert (found.joined, found.misses, found.hit_rate) == (49, 1, 0.98)


@virtual
async def test_who_wants_it_new_joins_no_earlier_request() -> None:
    broker, cache = made()
    broker.wait_s = 0.5
    early = asyncio.ensure_future(cache.account())
    await broker.clock.sleep(0.05)
    broker.wait_s = 0.1
    assert (await cache.account(max_age_s=0)).value.cash == 2
    assert (await early).value.cash == 1
    assert (await cache.account()).value.cash == 2  # the older answer did not replace it
    assert (await cache.account(max_age_s=60)).value.cash == 2
    await broker.clock.sleep(2)
    assert (await cache.account(max_age_s=60)).value.cash == 3  # it only shortens


@virtual
async def test_a_caller_that_goes_away_takes_nothing_from_the_others() -> None:
    broker, cache = made()
    first, second = (asyncio.ensure_future(cache.account()) for _ in range(2))
    await broker.clock.sleep(0.05)
    first.cancel()
    assert (await second).value.cash == 1
    assert broker.answers == 1


@virtual
async def test_an_error_is_never_kept_and_never_hidden_behind_an_old_answer() -> None:
    broker, cache = made()
    await cache.account()
    await broker.clock.sleep(5)
    broker.is_failing = True
    for _ in range(2):
        with pytest.raises(BrokerUnknown):
            await cache.account()
    found = stats_of(cache, Kind.ACCOUNT)
    assert (found.errors, found.stale_refused) == (2, 2)
    shown = cache.last_account()
    assert shown is not None
    assert (shown.value.cash, shown.is_stale, shown.as_of) == (Money(1), True, START)
    broker.is_failing = False
    assert (await cache.account()).value.cash == 2
    shown = cache.last_account()
    assert shown is not None
    assert not shown.is_stale


@virtual
async def test_an_error_before_any_answer_hides_nothing() -> None:
    broker, cache = made()
    broker.is_failing = True
    with pytest.raises(BrokerUnknown):
        await cache.account()
    assert cache.last_account() is None
    assert stats_of(cache, Kind.ACCOUNT).stale_refused == 0


@virtual
async def test_orders_and_executions_end_what_is_believed_of_the_account() -> None:
    _, cache = made()
    sent = RequestSent(
        cl_ord_id=ClOrdID("x"), request=RequestKind.NEW, attempt=1, transact_time=START
    )
    moves: list[JournalMessage] = [sent, report(), trade(4, 4, "x1")]
    for number, news in enumerate(moves, 2):
        await cache.account()
        cache.heard([news])
        assert (await cache.account()).value.cash == number
    cache.heard([DeskClosed(epoch=1, transact_time=START)])
    assert (await cache.account()).value.cash == number


@virtual
async def test_news_leaves_what_it_does_not_move() -> None:
    broker, cache = made()
    await cache.instrument("AAPL")
    await cache.calendar(START.date(), START.date())
    cache.heard([trade(4, 4, "x1")])
    await cache.instrument("AAPL")
    await cache.calendar(START.date(), START.date())
    assert broker.answers == 2


@virtual
async def test_an_answer_that_news_overtook_is_not_kept_and_nothing_may_rest_on_it() -> None:
    broker, cache = made()
    early = asyncio.ensure_future(cache.account())
    await broker.clock.sleep(0.05)
    cache.heard([trade(4, 4, "x1")])
    late = asyncio.ensure_future(cache.account())
    assert not (await early).is_good(broker.clock.now())
    told = await late
    assert (told.value.cash, told.is_good(broker.clock.now())) == (Money(2), True)
    assert (await cache.account()).value.cash == 2


@virtual
async def test_a_reconnected_stream_ends_the_belief() -> None:
    _, cache = made()
    await cache.account()
    cache.forget()
    assert (await cache.account()).value.cash == 2
    assert stats_of(cache, Kind.ACCOUNT).invalidations == 1


@virtual
async def test_the_session_is_asked_anew_when_it_was_to_change_and_now_and_then() -> None:
    broker, cache = made()
    broker.wait_s = 0
    assert (await cache.market_phase()).value.is_open
    await broker.clock.sleep(59)
    assert (await cache.market_phase()).value.is_open
    await broker.clock.sleep(1)  # by its clock, which is an hour ahead of ours
    assert not (await cache.market_phase()).value.is_open


@virtual
async def test_an_instrument_is_known_until_the_trading_day_is_over() -> None:
    broker, cache = made()
    await cache.instrument("AAPL")  # at 14:00 UTC
    await broker.clock.sleep(10.9 * 3600)
    await cache.instrument("AAPL")
    assert broker.answers == 1
    await broker.clock.sleep(0.2 * 3600)
    await cache.instrument("AAPL")
    assert broker.answers == 2


@virtual
async def test_that_there_is_no_such_instrument_is_an_answer_too() -> None:
    broker, cache = made()
    assert (await cache.instrument("NOPE")).value is None
    assert (await cache.instrument("NOPE")).value is None
    assert broker.answers == 1


@virtual
async def test_many_symbols_are_taken_from_one_list() -> None:
    broker, cache = made()
    for number in range(50):
        assert (await cache.instrument(f"S{number}")).value == Instrument(symbol=f"S{number}")
    assert broker.answers == SINGLES_MAX + 1
    assert (await cache.instrument("UNLISTED")).value is not None  # asked for by itself
    assert broker.answers == SINGLES_MAX + 2


@virtual
async def test_executions_that_are_known_are_not_asked_for_again() -> None:
    broker, cache = made()
    broker.rows = [fill(1, 0), fill(2, 100), fill(3, 200)]
    await cache.activities([FILL])
    await broker.clock.sleep(5)
    broker.rows += [fill(4, 210)]
    found = await cache.activities([FILL])
    assert [row.activity_id for row in found.value] == ["a1", "a2", "a3", "a4"]
    assert broker.after_ids == [None, "a2"]  # a minute before the last: one may be listed late


@virtual
async def test_a_busted_execution_makes_the_list_begin_anew() -> None:
    broker, cache = made()
    broker.rows = [fill(1, 0), fill(2, 100), fill(3, 200)]
    await cache.activities([FILL])
    broker.rows = [fill(1, 0), fill(3, 200)]
    await broker.clock.sleep(5)
    found = await cache.activities([FILL])
    assert [row.activity_id for row in found.value] == ["a1", "a3"]


@virtual
async def test_a_bust_or_a_gap_in_the_stream_makes_it_begin_anew_at_once() -> None:
    broker, cache = made()
    broker.rows = [fill(1, 0), fill(2, 100), fill(3, 200)]
    bust = replace(trade(4, 4, "x1"), exec_type=ExecType.TRADE_CANCEL)
    await cache.activities([FILL])
    cache.heard([bust])
    await cache.activities([FILL])
    cache.forget()
    await cache.activities([FILL])
    cache.heard([trade(4, 4, "x1")])
    await cache.activities([FILL])
    assert broker.after_ids == [None, None, None, "a2"]


@virtual
async def test_what_is_no_execution_is_asked_for_whole() -> None:
    broker, cache = made()
    broker.rows = [replace(fill(1, 0), kind=ActivityKind.FEE)]
    for _ in range(2):
        await cache.activities([ActivityKind.FEE])
        await broker.clock.sleep(5)
    assert broker.after_ids == [None, None]


@virtual
async def test_closing_gives_up_what_is_being_asked() -> None:
    broker, cache = made()
    asking = asyncio.ensure_future(cache.account())
    await broker.clock.sleep(0.05)
    await cache.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asking
