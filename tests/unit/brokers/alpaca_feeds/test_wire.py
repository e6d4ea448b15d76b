"""Market data frames in both encodings: nothing is lost, nothing that is unreadable is told."""

import struct
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.words import Unreadable
from floorbroker.brokers.alpaca_feeds import wire
from floorbroker.brokers.feed import Channel, Item
from floorbroker.domain.quotes import Bar, Halt, Quote, Trade, TradeCorrection

TIME = "2026-06-01T14:00:00.123456789Z"
TIME_NS = 1_780_322_400_123_456_789
QUOTE = {
    "T": "q", "S": "AAPL", "bx": "V", "bp": 187.1, "bs": 300, "ax": "Q", "ap": 187.123456,
    "as": 200, "c": ["R"], "t": TIME, "z": "C",
}  # fmt: skip
TRADE = {
    "T": "t", "S": "AAPL", "i": 52983525029461, "x": "V", "p": 187.11, "s": 40, "c": ["@", "I"],
    "t": TIME, "z": "C",
}  # fmt: skip
BAR = {
    "T": "b", "S": "AAPL", "o": 1, "h": 3.5, "l": 0.5, "c": 2, "v": 1000, "n": 7, "vw": 1.5,
    "t": TIME,
}  # fmt: skip
STATUS = {"T": "s", "S": "AAPL", "sc": "H", "sm": "Trading Halt", "t": TIME, "z": "C"}
CORRECTION = {
    "T": "c", "S": "AAPL", "x": "V", "oi": 1, "op": 5, "os": 1, "oc": [], "ci": 2, "cp": 6.5,
    "cs": 2, "cc": ["@"], "t": TIME, "z": "C",
}  # fmt: skip
CANCEL = {"T": "x", "S": "AAPL", "i": 1, "x": "V", "p": 5, "s": 1, "a": "C", "t": TIME, "z": "C"}


def as_json(*messages: dict[str, Any]) -> str:
    return msgspec.json.encode(messages).decode()


def stamp(packed: bytes) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(-1, packed)


def as_pack(*messages: dict[str, Any]) -> bytes:
    seconds, nanoseconds = divmod(TIME_NS, 10**9)
    when = stamp(struct.pack(">Iq", nanoseconds, seconds))
    return msgspec.msgpack.encode([{**each, "t": when} for each in messages])


@pytest.mark.parametrize("encode", [as_json, as_pack])
def test_each_message_is_told_in_our_words_to_the_nanosecond(encode: Any) -> None:
    kinds = (QUOTE, TRADE, BAR, {**BAR, "T": "u"}, STATUS, CORRECTION, CANCEL)
    frame = wire.decode_frame(encode(*kinds))
    quote, trade, bar, changed, halt, corrected, canceled = frame.facts
    assert quote == Quote(
        symbol="AAPL",
        time_ns=TIME_NS,
        bid_px=Decimal("187.1"),
        bid_size=Decimal(300),
        ask_px=Decimal("187.123456"),
        ask_size=Decimal(200),
        bid_exchange="V",
        ask_exchange="Q",
        conditions="R",
    )
    assert isinstance(trade, Trade)
    assert (trade.px, trade.trade_id, trade.conditions) == (
        Decimal("187.11"), 52983525029461, "@I",
    )  # fmt: skip
    assert isinstance(bar, Bar)
    assert bar == changed
    assert (bar.high_px, bar.vwap, bar.duration_s) == (Decimal("3.5"), Decimal("1.5"), 60)
    assert halt == Halt(symbol="AAPL", time_ns=TIME_NS, halted=True)
    assert isinstance(corrected, TradeCorrection)
    assert corrected.trade is not None
    assert (corrected.trade_id, corrected.trade.px) == (1, Decimal("6.5"))
    assert canceled == TradeCorrection(symbol="AAPL", time_ns=TIME_NS, trade_id=1)
    assert (frame.messages, frame.unreadable) == (7, [])


@pytest.mark.parametrize(
    ("packed", "time_ns"),
    [
        (struct.pack(">I", 1_780_322_400), 1_780_322_400 * 10**9),
        (struct.pack(">Q", (789 << 34) | 1_780_322_400), 1_780_322_400 * 10**9 + 789),
        (struct.pack(">Iq", 5, 1_780_322_400), 1_780_322_400 * 10**9 + 5),
    ],
)
def test_all_three_sizes_of_a_timestamp_are_read(packed: bytes, time_ns: int) -> None:
    raw = msgspec.msgpack.encode([{**QUOTE, "t": stamp(packed)}])
    assert [fact.time_ns for fact in wire.decode_frame(raw).facts] == [time_ns]


def test_an_empty_side_has_no_size() -> None:
    (quote,) = wire.decode_frame(as_json({**QUOTE, "bp": 0, "bs": 100})).facts
    assert isinstance(quote, Quote)
    assert [quote.bid_size, quote.ask_size] == [Decimal(0), Decimal(200)]


@pytest.mark.parametrize(
    ("code", "halted"), [("H", [True]), ("2", [True]), ("P", [True]), ("T", [False]), ("Q", [])]
)
def test_only_codes_about_trading_halt_or_resume(code: str, halted: list[bool]) -> None:
    facts = wire.decode_frame(as_json({**STATUS, "sc": code})).facts
    assert [fact.halted for fact in facts if isinstance(fact, Halt)] == halted


@pytest.mark.parametrize("encode", [as_json, as_pack])
def test_one_bad_message_costs_no_other_and_an_unknown_kind_is_no_mistake(encode: Any) -> None:
    bad, unknown = {**QUOTE, "bp": "dear"}, {"T": "imbalance", "S": "AAPL", "t": TIME}
    frame = wire.decode_frame(encode(QUOTE, bad, unknown, TRADE))
    assert [type(fact) for fact in frame.facts] == [Quote, Trade]
    (kept,) = frame.unreadable
    assert b"dear" in kept.raw


@pytest.mark.parametrize("raw", ["{", "", "7", '{"T":"q"}', b"", b"\xc1", b"\x93", "[1]"])
def test_what_is_no_frame_is_kept_as_it_came(raw: bytes | str) -> None:
    frame = wire.decode_frame(raw)
    assert (frame.facts, frame.control) == ([], [])
    (kept,) = frame.unreadable
    assert kept.raw in (raw, str(raw).encode(), b"1")


def test_what_is_kept_is_cut() -> None:
    (kept,) = wire.decode_frame("x" * 100_000).unreadable
    assert len(kept.raw) == wire.RAW_MAX


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_make_it_raise(raw: bytes | str) -> None:
    frame = wire.decode_frame(raw)
    assert frame.facts or frame.control or frame.unreadable or frame.messages == 0


def test_answers_are_told_apart() -> None:
    error = {"T": "error", "code": 405, "msg": "symbol limit exceeded"}
    present = {"T": "subscription", "quotes": ["AAPL"], "bars": ["F"], "lulds": ["X"]}
    frame = wire.decode_frame(as_json({"T": "success", "msg": "connected"}, error, present))
    success, failure, subscription = frame.control
    assert success == wire.Success("connected")
    assert failure == wire.Failure(405, "symbol limit exceeded")
    assert isinstance(subscription, wire.Subscription)
    assert subscription.items() == {(Channel.QUOTES, "AAPL"), (Channel.BARS, "F")}


def test_bars_are_asked_for_with_their_changes() -> None:
    items: list[Item] = [(Channel.BARS, "AAPL"), (Channel.QUOTES, "F"), (Channel.QUOTES, "A")]
    said = msgspec.msgpack.decode(wire.subscribe_frame("subscribe", items))
    assert said == {
        "action": "subscribe", "bars": ["AAPL"], "updatedBars": ["AAPL"], "quotes": ["F", "A"],
    }  # fmt: skip


def test_the_keys_are_in_the_frame_that_needs_them_and_print_nowhere() -> None:
    keys = Credentials("PKID", "hush")
    said = msgspec.msgpack.decode(wire.auth_frame(keys))
    assert said == {"action": "auth", "key": "PKID", "secret": "hush"}
    assert "hush" not in repr(keys)


def test_snapshots_are_read_exactly_and_may_lack_parts() -> None:
    quote = {key: value for key, value in QUOTE.items() if key not in "TS"}
    raw = msgspec.json.encode({"AAPL": {"latestQuote": quote, "minuteBar": {}}, "F": None})
    facts = wire.snapshot_facts(raw, ["AAPL", "F", "GONE"], is_coin=False)
    assert facts == wire.decode_frame(as_json(QUOTE)).facts
    with pytest.raises(Unreadable, match="snapshots"):
        wire.snapshot_facts(b'{"AAPL": {"latestQuote": {"t": 7}}}', ["AAPL"], is_coin=False)
