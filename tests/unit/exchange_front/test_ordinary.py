"""Ordinary orders are read and taken by a road of their own; nobody can tell by the answers."""

from random import Random

from floorbroker.exchange.floor.state import export_state
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.model import VenueEvent
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually

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


async def story(client: Client, *, is_short: bool) -> list[object]:
    """What a stream of orders is answered, byte for byte, and what the order stream tells."""
    dice, sleep, venue = (
        Random(7),
        client.front.server.setup.clock.sleep,
        client.front.server.venue,
    )
    venue.routing.is_prompt = venue.short_road.is_open = is_short
    await client.quote()
    frames = await client.listen()
    told: list[object] = []
    for _ in range(500):
        if dice.random() < 0.2:
            await client.quote(size=dice.choice([3, 7, 1000]))
        if dice.random() < 0.2:
            await client.send("DELETE", "/v2/orders")
        answer = await client.send("POST", "/v2/orders", a_body(dice, is_told_more=not is_short))
        told.append((answer.status, answer.body))
        await sleep(dice.choice([0, 0, 1]))
    await client.send("DELETE", "/v2/orders")
    last = '"symbol":"AAPL","side":"buy","type":"limit","limit_price":"1","time_in_force":"day"'
    await client.send("POST", "/v2/orders", f'{{{last},"qty":"1","client_order_id":"l"}}'.encode())
    while b'"client_order_id":"l"' not in (frame := await frames.receive()):
        told.append(frame)
    told.append(export_state(venue.blotter))
    return told


def lives_of(front: ExchangeFront) -> list[VenueEvent]:
    lives: list[VenueEvent] = []
    front.server.venue.listeners.append(
        lambda event: lives.append(event) if event.new_id and event.begun is None else None
    )
    return lives


def test_ordinary_orders_are_answered_as_all_others_are() -> None:
    async def told(*, is_short: bool) -> list[object]:
        async with an_exchange() as client:
            lives = lives_of(client.front)
            heard = await story(client, is_short=is_short)
            assert (len(lives) > 20) == is_short
            return heard

    short, long = virtually(lambda: told(is_short=True)), virtually(lambda: told(is_short=False))
    assert short == long
    assert {each[0] for each in short if isinstance(each, tuple)} >= {200, 400, 403, 422}
