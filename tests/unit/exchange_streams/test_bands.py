"""Limit up, limit down bands, and how the stream tells them."""

from decimal import Decimal

import pytest

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Trade
from floorbroker.exchange.streams.bands import Band, Bands, width_of
from floorbroker.exchange.tape import Market
from floorbroker.exchange.wire.words import moment_ns
from tests.unit.exchange_data.conftest import advance, an_exchange, listen, print_trades, virtually

OPEN_NS = moment_ns("2026-06-01T13:30:00Z", "open")


def bands_after(*prints: tuple[float, str]) -> list[Band | None]:
    """The band after each print at so many seconds after the open."""
    market, bands, found = Market(), Bands(), []
    for seconds, px in prints:
        time_ns = OPEN_NS + round(seconds * NS_PER_S)
        trade = Trade(symbol="AAPL", time_ns=time_ns, px=Decimal(px), size=Decimal(1))
        market.apply(trade)
        found.append(bands.after(trade, market))
    return found


@pytest.mark.parametrize(
    ("px", "width"),
    [("200", "10"), ("3.01", "0.1505"), ("3", "0.6"), ("0.75", "0.15"), ("0.5", "0.15")],
)
def test_the_width_follows_the_price(px: str, width: str) -> None:
    assert width_of(Decimal(px)) == Decimal(width)


def test_the_width_of_a_penny_stock_is_three_quarters_of_it() -> None:
    assert width_of(Decimal("0.10")) == Decimal("0.075")


def test_the_first_print_sets_the_bands_twice_as_wide_at_the_open() -> None:
    assert bands_after((0.5, "100")) == [Band(Decimal(110), Decimal(90), "A")]
    assert bands_after((3600, "100")) == [Band(Decimal(105), Decimal(95), "B")]
    assert bands_after((6.2 * 3600, "100")) == [Band(Decimal(110), Decimal(90), "B")]


def test_the_bands_stay_until_the_mean_is_a_percent_away() -> None:
    near = bands_after((3600, "100"), (3660, "101"), (3670, "100.9"))
    assert near[1:] == [None, None]
    far = bands_after((3600, "100"), (3610, "104"), (3640, "102"))
    assert far[1] is None  # half a minute has not passed
    assert far[2] == Band(Decimal("107.10"), Decimal("96.90"), "B")


def test_prints_older_than_five_minutes_are_forgotten() -> None:
    assert bands_after((3600, "100"), (3901, "110"))[1] == Band(
        Decimal("115.50"), Decimal("104.50"), "B"
    )


def test_outside_regular_hours_there_are_none() -> None:
    assert bands_after((-60, "100")) == [None]
    assert bands_after((7 * 3600, "100")) == [None]


def test_listeners_to_lulds_hear_the_bands() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await print_trades(client, ("AAPL", "100", 1))
            heard = await listen(client, lulds=["AAPL"])
            await print_trades(client, ("AAPL", "102", 1))
            band = await heard.hear()
            assert (band["T"], band["u"], band["d"], band["i"]) == ("l", 106.05, 95.95, "B")
            await advance(client, 301)
            await print_trades(client, ("AAPL", "200", 1))
            assert (await heard.hear())["u"] == 210

    virtually(main)
