"""Auctions of earlier days as the exchange lists them, and as Alpaca pages and writes them."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.line import Line
from floorbroker.brokers.alpaca.transport import Response, Transport
from floorbroker.brokers.alpaca.words import Unreadable
from floorbroker.brokers.alpaca_feeds.auctions import auction_page, auction_prints
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import LoopClock, ns_of
from floorbroker.domain.errors import BrokerUnknown
from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.tape import Tape
from floorbroker.marketdata.synthetic.day import synthetic_market
from tests.unit.brokers.alpaca_feeds.kit import KEY_ID, SECRET
from tests.unit.exchange_data.conftest import an_exchange, to, virtually

START = datetime(2026, 5, 20, tzinfo=UTC)
NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)


def line_over(transport: Transport) -> tuple[Line, LoopClock]:
    clock = LoopClock(ns_of(NOW))
    return Line(transport, Pacer(clock, Random(1)), clock, Credentials(KEY_ID, SECRET)), clock


class Pages:
    """A broker that answers these in turn, and what it was asked."""

    def __init__(self, answer: Callable[[Mapping[str, str]], Any]) -> None:
        self.asked: list[dict[str, str]] = []
        self._answer = answer

    async def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, **_: Any
    ) -> Response:
        assert (method, path, query is not None) == ("GET", "/v2/stocks/auctions", True)
        self.asked.append(dict(query or {}))
        return Response(200, {}, msgspec.json.encode(self._answer(query or {})))

    connect: Any = None
    aclose: Any = None


def test_the_exchange_lists_the_auctions_of_the_days_that_are_over() -> None:
    async def main() -> None:
        sources = synthetic_market(["F"], date(2026, 6, 1), 7)
        rules = FrontRules(has_sip=False)
        async with an_exchange(
            make_tape=lambda: Tape(sources, symbols=("F",)), front=rules
        ) as client:
            await to(client, "2026-06-02T12:00:00Z")
            line, clock = line_over(client.transport)
            opening, closing = await auction_prints(line, clock, "F", (START, NOW))
            assert (opening.auction, closing.auction) == ("open", "close")
            assert (opening.conditions, closing.conditions) == ("O", "6")
            assert min(opening.size, closing.size) > 0
            assert opening.time_ns < closing.time_ns
            assert (
                await auction_prints(line, clock, "F", (START, datetime(2026, 6, 1, tzinfo=UTC)))
                == []
            )

    virtually(main)


def test_all_pages_are_read_and_never_what_is_not_free_yet() -> None:
    async def main() -> None:
        def answer(query: Mapping[str, str]) -> Any:
            row = {"t": "2026-06-01T20:00:00.123Z", "p": 1.5, "s": 800, "x": "N", "c": "6"}
            day = {"d": "2026-06-01", "o": [], "c": [row]}
            token = None if "page_token" in query else "more"
            return {"auctions": {"AAPL": [day]}, "next_page_token": token}

        broker = Pages(answer)
        line, clock = line_over(broker)
        prints = await auction_prints(line, clock, "AAPL", (START, NOW + timedelta(days=1)))
        assert [one.size for one in prints] == [800, 800]
        assert [one.get("page_token") for one in broker.asked] == [None, "more"]
        assert {one["feed"] for one in broker.asked} == {"sip"}
        assert datetime.fromisoformat(broker.asked[0]["end"]) == clock.now() - timedelta(
            minutes=16
        )
        assert await auction_prints(line, clock, "BTC/USD", (START, NOW)) == []
        assert await auction_prints(line, clock, "AAPL", (NOW, NOW + timedelta(days=1))) == []
        assert len(broker.asked) == 2

    virtually(main)


def test_a_page_that_is_repeated_is_not_read_for_ever() -> None:
    async def main() -> None:
        line, clock = line_over(Pages(lambda _: {"auctions": {}, "next_page_token": "again"}))
        with pytest.raises(BrokerUnknown, match="repeats its page again"):
            await auction_prints(line, clock, "AAPL", (START, NOW))

    virtually(main)


def page(*opening: dict[str, Any]) -> bytes:
    day = {"d": "2026-06-01", "o": list(opening), "c": None}
    return msgspec.json.encode({"auctions": {"AAPL": [day]}, "next_page_token": None})


def row(**more: Any) -> dict[str, Any]:
    return {"t": "2026-06-01T13:30:01Z", "x": "Q", "p": 135, "c": "O", "s": 70, **more}


def test_prints_with_a_size_count_and_official_prices_do_not() -> None:
    unsized = {key: value for key, value in row().items() if key != "s"}
    prints, token = auction_page(page(row(), row(c="Q", s=9000), unsized), "AAPL")
    assert ([one.size for one in prints], token) == ([Decimal(70)], None)
    assert auction_page(page(row()), "IBM") == ([], None)
    assert auction_page(b'{"auctions": null}', "AAPL") == ([], None)


@pytest.mark.parametrize("wrong", [{"s": 0}, {"s": -5}, {"t": "noon"}, {"p": "x"}])
def test_a_row_that_cannot_be_is_unreadable(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        auction_page(page(row(**wrong)), "AAPL")
