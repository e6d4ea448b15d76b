"""Orders and positions as a journal tells them to somebody who may only read it."""

import pytest
from msgspec.structs import replace

from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import UnknownOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import JournalMessage
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.journal.port import OrderFilter
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from floorbroker.publish.journaled import JournaledBook, listed
from tests.unit.journal.samples import open_journal, order
from tests.unit.posttrade.scribe import Scribe

ANY = OrderFilter()


async def written(*messages: JournalMessage, ended: tuple[Order, ...] = ()) -> SqliteJournal:
    journal = open_journal(MemoryDisk())
    await journal.append(messages, ended)
    return journal


async def test_the_book_is_what_the_records_say() -> None:
    scribe = Scribe()
    scribe.open()
    scribe.trade("buy", "10", "MSFT", "100")
    scribe.trade("buy", "5", "AAPL", "100")
    scribe.trade("buy", "1", "SPY", "100")
    scribe.trade("sell", "1", "SPY", "101")
    scribe.wait(60)
    rests = scribe.place(OrderRequest.limit("buy", 7, "AAPL", limit_price=1))
    journal = await written(*(record.message for record in scribe.records))
    book = JournaledBook(journal)
    assert (book.seq, book.time) == (journal.head().seq, scribe.records[-1].message.transact_time)
    assert [(one.symbol, one.qty) for one in book.positions()] == [
        ("AAPL", Qty(5)),
        ("MSFT", Qty(10)),
    ]
    assert [one.cl_ord_id for one in book.orders("open", ANY)] == [rests]
    assert book.order(rests).order_qty == Qty(7)
    with pytest.raises(UnknownOrder, match="no order nope"):
        book.order(ClOrdID("nope"))


async def test_an_empty_journal_is_an_empty_book() -> None:
    book = JournaledBook(open_journal(MemoryDisk()))
    assert (book.seq, book.positions(), book.orders("all", ANY)) == (0, [], [])


async def test_an_order_that_ended_while_the_list_was_made_is_listed_once_and_ended() -> None:
    ended, lives = order(1), replace(order(1), venue_status=OrdStatus.NEW)
    journal = await written(ended=(ended, order(2)))
    assert listed([lives], journal, "all", ANY) == [order(2), ended]
    assert listed([lives], journal, "open", ANY) == [lives]
    assert listed([lives], journal, "closed", ANY) == [order(2), ended]


async def test_a_list_holds_what_was_asked_for_newest_first() -> None:
    live = [
        replace(order(number, symbol=symbol, side=side), venue_status=OrdStatus.NEW)
        for number, symbol, side in ((3, "AAPL", "buy"), (4, "MSFT", "buy"), (5, "AAPL", "sell"))
    ]
    foreign = replace(order(6), venue_status=OrdStatus.NEW, is_external=True)
    journal = await written(ended=(order(1), order(2)))

    def numbers(wanted: OrderFilter) -> list[int]:
        found = listed([*live, foreign], journal, "all", wanted)
        return [int(one.cl_ord_id[3:]) for one in found]

    assert numbers(ANY) == [5, 4, 3, 2, 1]
    assert numbers(OrderFilter(limit=2)) == [5, 4]
    assert numbers(OrderFilter(symbols=("MSFT",))) == [4]
    assert numbers(OrderFilter(side="sell")) == [5]
    assert numbers(OrderFilter(after=order(3).created_time)) == [5, 4]
    assert numbers(OrderFilter(until=order(3).created_time)) == [2, 1]
