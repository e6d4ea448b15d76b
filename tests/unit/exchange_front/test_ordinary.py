"""Ordinary orders are read and taken by a road of their own; nobody can tell by the answers."""

from functools import partial
from random import Random

from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.model import VenueEvent
from tests.unit.exchange_front.conftest import an_exchange, story, virtually

#: Amounts as they may be written, in JSON.
QUANTITIES = ('"1"', '"5"', "3", "2.0", '"7.0"', '"0.5"', "0.5", '"0"', "true", "[1]", '"1e1"')
PRICES = ('"187.2"', '"187.20"', "187.2", "190", '"187.1"', '"187.205"', "null", "{}", '"NaN"')


def a_body(dice: Random, *, is_told_more: bool) -> bytes:
    """An order; told more of it, nobody takes it for an ordinary one, though it asks the same."""
    words = {
        "symbol": dice.choice(["AAPL"] * 5 + ["MSFT", "GONE", "BTC/USD"]),
        "side": dice.choice(["buy", "buy", "buy", "sell"]),
        "type": dice.choice(["limit"] * 4 + ["market", "stop"]),
        "time_in_force": dice.choice(["day", "day", "gtc", "ioc", "ever"]),
    }
    if dice.random() < 0.7:
        words["client_order_id"] = dice.choice(["", "mine", "x" * 129, *map(str, range(300))])
    fields = [f'"{name}":"{word}"' for name, word in words.items()]
    fields.append(f'"qty":{dice.choice([*QUANTITIES[:5] * 3, *QUANTITIES])}')
    if dice.random() < 0.9:
        fields.append(f'"limit_price":{dice.choice([*PRICES[:4] * 3, *PRICES])}')
    if is_told_more:
        fields.append('"extended_hours":false')
    return f"{{{','.join(fields)}}}".encode()


def lives_of(front: ExchangeFront) -> list[VenueEvent]:
    lives: list[VenueEvent] = []
    front.server.venue.listeners.append(
        lambda event: lives.append(event) if event.new_id and event.begun is None else None
    )
    return lives


def test_ordinary_orders_are_answered_as_all_others_are() -> None:
    async def told(*, is_short: bool) -> list[object]:
        async with an_exchange() as client:
            venue, lives = client.front.server.venue, lives_of(client.front)
            venue.routing.is_prompt = venue.short_road.is_open = is_short
            an_order = partial(a_body, is_told_more=not is_short)
            heard = await story(client, an_order, seed=7)
            assert (len(lives) > 20) == is_short
            return heard

    short, long = virtually(lambda: told(is_short=True)), virtually(lambda: told(is_short=False))
    assert short == long
    assert {each[0] for each in short if isinstance(each, tuple)} >= {200, 400, 403, 422}
