"""What is followed: what somebody asked for, then the book's, up to the plan's limit."""

import asyncio

import pytest

from floorbroker.brokers.feed import Channel
from floorbroker.domain.errors import Refused
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.watch.tellers import WAITING_MAX, Teller
from floorbroker.watch.wishes import Wishes, quoted
from tests.unit.marketdata.live.test_view import bar, quote


def test_coins_have_no_statuses() -> None:
    assert quoted(["BTC/USD", "F"]) == [
        (Channel.QUOTES, "BTC/USD"),
        (Channel.QUOTES, "F"),
        (Channel.STATUSES, "F"),
    ]


def test_a_wish_goes_before_the_book_and_the_first_of_the_book_before_the_rest() -> None:
    wishes = Wishes(3)
    wishes.hold(["F", "AAPL", "MSFT"])
    assert len({symbol for _, symbol in wishes.wanted()}) == 3
    wishes.ask([(Channel.QUOTES, "SPY"), (Channel.TRADES, "SPY"), (Channel.BARS, "X")])
    assert {symbol for _, symbol in wishes.wanted()} == {"SPY", "F", "X"}
    assert wishes.left_out == ["AAPL", "MSFT"]


def test_bars_and_statuses_are_free_and_coins_are_counted_apart() -> None:
    wishes = Wishes(1)
    wishes.ask([(Channel.BARS, "AAPL"), (Channel.BARS, "MSFT"), (Channel.STATUSES, "F")])
    wishes.ask([(Channel.QUOTES, "AAPL"), (Channel.QUOTES, "BTC/USD")])
    with pytest.raises(Refused, match="FLOORBROKER_DATA_SYMBOLS"):
        wishes.ask([(Channel.QUOTES, "MSFT")])
    assert (Channel.QUOTES, "MSFT") not in wishes.wanted()


def test_what_two_want_is_followed_until_both_have_given_up() -> None:
    wishes = Wishes(5)
    item = (Channel.QUOTES, "AAPL")
    wishes.ask([item])
    wishes.ask([item])
    wishes.give_up([item])
    assert item in wishes.wanted()
    wishes.give_up([item])
    assert not wishes.wanted()


def test_what_is_wished_for_already_takes_no_more_room_for_the_book() -> None:
    wishes = Wishes(2)
    wishes.ask([(Channel.QUOTES, "AAPL")])
    assert wishes.hold(["AAPL", "MSFT"])
    assert not wishes.hold(["AAPL", "MSFT"])
    assert {symbol for _, symbol in wishes.wanted()} == {"AAPL", "MSFT"}
    assert wishes.left_out == []


async def test_a_slow_reader_of_quotes_gets_the_newest() -> None:
    teller: Teller[Quote] = Teller(["AAPL"], conflates=True)
    for at_s in range(1000):
        teller.put(quote("5", at_s))
    assert await teller.take() == quote("5", 999)
    coming = asyncio.ensure_future(teller.take())
    await asyncio.sleep(0)
    assert not coming.done()
    teller.end("it is over")
    with pytest.raises(Refused, match="it is over"):
        await coming


async def test_a_slow_reader_of_bars_gets_all_of_them_up_to_a_limit() -> None:
    teller: Teller[Bar] = Teller(["AAPL"], conflates=False)
    for minute in range(WAITING_MAX + 2):
        teller.put(bar(minute))
    teller.end("it is over")
    told = [await teller.take() for _ in range(WAITING_MAX)]
    assert (told[0], told[-1]) == (bar(2), bar(WAITING_MAX + 1))
    with pytest.raises(Refused, match="it is over"):
        await teller.take()
