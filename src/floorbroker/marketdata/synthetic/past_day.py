"""One earlier day of a symbol: minutes and auctions in whole numbers, told as bars and prints."""

from array import array
from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from typing import NamedTuple

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar, Trade
from floorbroker.marketdata.port import midnight_ns, new_york_ns

#: Averages of prices are in hundredths of a cent.
FINE = 100
_DAY_S, _MINUTE_NS = 86_400, 60 * NS_PER_S


class Row(NamedTuple):
    """A minute: prices in cents, their average in hundredths of a cent, units and prints."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    fine_vwap: int
    units: int
    prints: int


class Auction(NamedTuple):
    """A bell's print: the minute that it begins, how long after that, its price and size."""

    word: str
    minute: int
    after_ns: int
    cents: int
    units: int


class PastDay:
    """What is kept of a day that was made up: eight numbers a minute.

    `hours` are the first minute of the regular session and the first after it.
    """

    def __init__(
        self,
        symbol: str,
        unit: Decimal,
        day: date,
        *,
        hours: tuple[int, int],
        rows: Iterable[Row],
        auctions: tuple[Auction, ...] = (),
    ) -> None:
        self._symbol = symbol
        self._unit = unit
        self._day = day
        self._hours = hours
        self._auctions = auctions
        self._midnight_ns = midnight_ns(day)
        self._numbers = array("q", (number for row in rows for number in row))

    def bars(self) -> list[Bar]:
        """A bar for each minute in which something was printed."""
        return [
            Bar(
                symbol=self._symbol,
                time_ns=self._midnight_ns + row.minute * _MINUTE_NS,
                duration_s=60,
                open_px=Decimal(row.open).scaleb(-2),
                high_px=Decimal(row.high).scaleb(-2),
                low_px=Decimal(row.low).scaleb(-2),
                close_px=Decimal(row.close).scaleb(-2),
                volume=row.units * self._unit,
                trade_count=row.prints,
                vwap=Decimal(row.fine_vwap).scaleb(-4),
            )
            for row in self._rows()
        ]

    def whole(self) -> Bar:
        """The day's bar: prices of the regular hours and the auctions, volume of all of it."""
        opening, closing = self._hours
        rows = list(self._rows())
        regular = [row for row in rows if opening <= row.minute < closing]
        closes = [one.cents for one in self._auctions if one.minute == closing]
        last = (*closes, regular[-1].close)[0]
        units = sum(row.units for row in rows)
        notional = sum(row.units * row.fine_vwap for row in rows)
        return Bar(
            symbol=self._symbol,
            time_ns=new_york_ns(self._day, time()),
            duration_s=_DAY_S,
            open_px=Decimal(regular[0].open).scaleb(-2),
            high_px=Decimal(max(last, *(row.high for row in regular))).scaleb(-2),
            low_px=Decimal(min(last, *(row.low for row in regular))).scaleb(-2),
            close_px=Decimal(last).scaleb(-2),
            volume=units * self._unit,
            trade_count=sum(row.prints for row in rows),
            vwap=Decimal(notional).scaleb(-4) / units,
        )

    def auctions(self) -> tuple[Trade, ...]:
        """The opening and the closing print; coins have none."""
        return tuple(
            Trade(
                symbol=self._symbol,
                time_ns=self._midnight_ns + one.minute * _MINUTE_NS + one.after_ns,
                px=Decimal(one.cents).scaleb(-2),
                size=one.units * self._unit,
                trade_id=one.minute * 10_000 + 1,
                exchange="Q",
                conditions="O" if one.word == "open" else "6",
                eligible=False,
                auction=one.word,
            )
            for one in self._auctions
        )

    def _rows(self) -> Iterator[Row]:
        numbers, width = self._numbers, len(Row._fields)
        for place in range(0, len(numbers), width):
            yield Row(*numbers[place : place + width])
