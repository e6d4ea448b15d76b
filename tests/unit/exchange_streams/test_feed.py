"""A market data stream's handshake, subscriptions, errors and limits; in virtual time."""

import asyncio
from decimal import Decimal

import pytest

from floorbroker.brokers.alpaca.transport import FramesClosed
from floorbroker.domain.quotes import Trade
from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.streams.feed import FRAME_MESSAGES_MAX, Backlog
from tests.unit.exchange_data.conftest import (
    START_NS,
    Client,
    Listening,
    an_exchange,
    listen,
    opened,
    print_trades,
    virtually,
)

AUTH = {"action": "auth", "key": "PK1", "secret": "s"}
STOCKS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
COINS = ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars")


def error(code: int, text: str) -> dict[str, object]:
    return {"T": "error", "code": code, "msg": text}


async def is_closed(listening: Listening) -> bool:
    try:
        await listening.hear()
    except FramesClosed:
        return True
    return False


def test_a_feed_greets_asks_for_keys_and_confirms_subscriptions() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await opened(client)
            subscribe = {"action": "subscribe", "quotes": ["AAPL"], "trades": ["MSFT", "AAPL"]}
            assert await heard.tell(**subscribe) == error(401, "not authenticated")
            assert await heard.tell(**AUTH) == {"T": "success", "msg": "authenticated"}
            assert await heard.tell(**AUTH) == error(403, "already authenticated")
            assert await heard.tell(action="dance") == error(400, "invalid syntax")
            present = await heard.tell(**subscribe)
            assert present == {
                "T": "subscription",
                **{channel: [] for channel in STOCKS},
                "trades": ["AAPL", "MSFT"],
                "quotes": ["AAPL"],
                "corrections": ["AAPL", "MSFT"],
                "cancelErrors": ["AAPL", "MSFT"],
            }
            present = await heard.tell(action="unsubscribe", trades=["MSFT", "F"])
            assert (present["trades"], present["quotes"]) == (["AAPL"], ["AAPL"])
            await client.quote("MSFT", "400", "401")
            await client.quote()
            await print_trades(client, ("MSFT", "400", 1), ("AAPL", "187.15", 5))
            quote, trade = await heard.hear(), await heard.hear()
            assert (quote["T"], quote["S"], quote["ap"]) == ("q", "AAPL", 187.2)
            assert (trade["T"], trade["S"], trade["p"], trade["s"]) == ("t", "AAPL", 187.15, 5)
            assert await heard.is_silent()

    virtually(main)


@pytest.mark.parametrize("payload", ["{", "[]", '{"action": 7}', '{"action": "auth", "key": 1}'])
def test_what_is_not_understood_is_an_error_and_no_end(payload: str) -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await opened(client)
            await heard.frames.send(payload)
            assert await heard.hear() == error(400, "invalid syntax")
            assert (await heard.tell(**AUTH))["msg"] == "authenticated"

    virtually(main)


@pytest.mark.parametrize(
    "headers",
    [
        {"apca-api-key-id": "PK1", "apca-api-secret-key": "s"},
        {"authorization": "Bearer PK1"},
        {"authorization": "Basic UEsxOnM="},
    ],
)
def test_headers_of_the_handshake_authenticate(headers: dict[str, str]) -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await opened(client, headers=headers)
            assert await heard.hear() == {"T": "success", "msg": "authenticated"}
            present = await heard.tell(action="subscribe", bars=["*"])
            assert present["bars"] == ["*"]

    virtually(main)


def test_an_oauth_token_names_the_account() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await opened(client)
            said = await heard.tell(action="auth", key="oauth", secret="PK1")
            assert said["msg"] == "authenticated"

    virtually(main)


def test_a_wrong_key_is_told_and_closed() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(keys={"PK1": "other"})) as client:
            heard = await opened(client, "/v2/test")
            assert await heard.tell(**AUTH) == error(402, "auth failed")
            assert await is_closed(heard)

    virtually(main)


def test_who_does_not_authenticate_in_ten_seconds_is_told_and_closed() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard, quick = await opened(client), await listen(client)
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            assert await heard.hear() == error(404, "auth timeout")
            assert 9.5 < loop.time() - began_s < 10.5
            assert await is_closed(heard)
            assert (await quick.tell(action="subscribe", bars=["F"]))["bars"] == ["F"]

    virtually(main)


def test_channels_that_a_feed_has_not_are_refused_whole() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await listen(client)
            refusal = error(410, "invalid subscribe action for this feed")
            for channel in ("orderbooks", "news"):
                said = await heard.tell(
                    action="subscribe", **{"quotes": ["AAPL"], channel: ["AAPL"]}
                )
                assert said == refusal
            assert (await heard.tell(action="subscribe"))["quotes"] == []
            coins = await listen(client, "/v1beta3/crypto/us")
            assert await coins.tell(action="subscribe", statuses=["BTC/USD"]) == refusal
            present = await coins.tell(action="subscribe", orderbooks=["BTC/USD"])
            assert set(present) == {"T", *COINS}

    virtually(main)


def test_a_symbol_limit_keeps_what_was_before() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(feed_symbol_limit=3)) as client:
            heard = await listen(client, trades=["AAPL", "F"], bars=["*"])
            refusal = error(405, "symbol limit exceeded")
            more = {"quotes": ["AAPL", "F"], "bars": ["F"]}
            assert await heard.tell(action="subscribe", **more) == refusal
            assert await heard.tell(action="subscribe", quotes=["*"]) == refusal
            present = await heard.tell(action="subscribe", quotes=["AAPL"], dailyBars=["F"])
            assert (present["trades"], present["quotes"]) == (["AAPL", "F"], ["AAPL"])
            assert (present["bars"], present["dailyBars"]) == (["*"], ["F"])

    virtually(main)


def test_one_feed_of_a_kind_for_an_account_where_that_is_the_rule() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(has_one_feed_per_account=True)) as client:
            first = await listen(client)
            second = await opened(client)
            assert await second.tell(**AUTH) == error(406, "connection limit exceeded")
            assert await is_closed(second)
            await listen(client, "/v2/sip")  # another path
            await listen(Client(client.front, "PK2"))  # another account
            await first.frames.aclose()
            await client.front.server.setup.clock.sleep(1)
            await listen(client)

    virtually(main)


def test_without_a_subscription_the_consolidated_tape_is_closed() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(has_sip=False)) as client:
            heard = await opened(client, "/v2/sip")
            assert await heard.tell(**AUTH) == error(409, "insufficient subscription")
            assert await is_closed(heard)
            await listen(client, "/v2/iex")

    virtually(main)


def test_everything_is_heard_once_by_who_asks_twice() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await listen(client, quotes=["*", "AAPL"])
            await client.quote("F", "11", "12")
            await client.quote("AAPL", "187.1", "187.2")
            assert [(await heard.hear())["S"] for _ in range(2)] == ["F", "AAPL"]
            assert await heard.is_silent()

    virtually(main)


def test_stocks_and_coins_do_not_mix() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            stocks = await listen(client, quotes=["*"])
            coins = await listen(client, "/v1beta3/crypto/us", quotes=["*"])
            await client.quote("BTC/USD", "60000", "60010")
            await client.quote("AAPL", "187.1", "187.2")
            assert (await stocks.hear())["S"] == "AAPL"
            quote = await coins.hear()
            assert set(quote) == {"T", "S", "t", "ap", "as", "bp", "bs"}
            assert await coins.is_silent()

    virtually(main)


def test_message_pack_carries_times_in_its_own_type() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            headers = {"content-type": "application/msgpack"}
            heard = await listen(client, headers=headers, quotes=["AAPL"], bars=["AAPL"])
            as_json = await listen(client, quotes=["AAPL"])
            await client.quote()
            quote, same = await heard.hear(), await as_json.hear()
            assert quote["t"].isoformat() == "2026-06-01T14:00:00+00:00"
            assert {**quote, "t": same["t"]} == same

    virtually(main)


def test_messages_that_wait_share_a_frame_and_answers_stand_alone() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await listen(client, trades=["AAPL"])
            server = client.front.server
            market = [trade(n) for n in range(2500)]
            for one in market:  # at one stroke, as when the clock jumps
                server.apply(one)
            ids = [(await heard.hear())["i"] for _ in range(2500)]
            assert ids == list(range(2500))
            assert heard.sizes[-3:] == [FRAME_MESSAGES_MAX, FRAME_MESSAGES_MAX, 500]

    virtually(main)


def trade(trade_id: int) -> Trade:
    return Trade(
        symbol="AAPL", time_ns=START_NS, px=Decimal(187), size=Decimal(1), trade_id=trade_id
    )


async def test_answers_stand_alone_between_messages() -> None:
    backlog = Backlog(10, is_msgpack=False)
    for message in ('{"n":1}', '{"n":2}'):
        assert backlog.put(message)
    backlog.put_alone('{"T":"subscription"}')
    assert backlog.put('{"n":3}')
    backlog.end(1000)
    frames = []
    while (frame := await backlog.take()) is not None:
        frames.append(frame["text"])
    assert frames == ['[{"n":1},{"n":2}]', '[{"T":"subscription"}]', '[{"n":3}]']


async def test_a_client_that_takes_nothing_is_slow_at_its_limit() -> None:
    backlog = Backlog(3, is_msgpack=True)
    backlog.is_sending = True
    assert all(backlog.put(b"\x01") for _ in range(3))
    assert not backlog.put(b"\x01")
    backlog.is_sending = False
    assert backlog.put(b"\x01")  # it takes what it gets; this is a burst
    assert (await backlog.take()) == {"type": "websocket.send", "bytes": b"\x94" + b"\x01" * 4}
    big = Backlog(100, is_msgpack=True)
    for _ in range(300):
        big.put(b"\x02")
    frame = await big.take()
    assert frame is not None
    assert frame["bytes"][:3] == b"\xdc\x01\x2c"


def test_a_slow_client_is_told_and_dropped() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(feed_backlog=10)) as client:
            heard = await listen(client, trades=["AAPL"])
            for n in range(10 * 20 + 1):  # more than may come at one stroke
                client.front.server.apply(trade(n))
            assert await heard.hear() == error(407, "slow client")
            assert await is_closed(heard)
            await listen(client)

    virtually(main)


def test_after_a_reset_listeners_hear_the_new_market() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await listen(client, trades=["AAPL"], bars=["AAPL"])
            await print_trades(client, ("AAPL", "187", 1), apart_s=70)
            assert [(await heard.hear())["T"] for _ in range(2)] == ["t", "b"]
            await client.ask("POST", "/_exchange/reset")
            await print_trades(client, ("AAPL", "190", 2), apart_s=70)
            again = [await heard.hear() for _ in range(2)]
            assert [(one["T"], one["t"][:16]) for one in again] == [
                ("t", "2026-06-01T14:00"),
                ("b", "2026-06-01T14:00"),
            ]
            assert again[1]["v"] == 2

    virtually(main)
