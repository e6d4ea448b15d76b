"""Who listens to which channel of which symbol; each message is encoded once for all of them."""

from collections.abc import Iterable
from typing import Any, Protocol

from floorbroker.exchange.wire.market import encode_msgpack, timestamp
from floorbroker.exchange.wire.words import encode

EVERYTHING = "*"


class Listener(Protocol):
    """One connection that hears messages; `is_msgpack` says in which encoding."""

    is_msgpack: bool

    def hear_message(self, encoded: bytes | str, channel: str, symbol: str) -> None: ...


class Station:
    """The listeners of one source of messages."""

    def __init__(self) -> None:
        # Dictionaries keep the order in which the listeners came.
        self._wanted: dict[tuple[str, str], dict[Listener, None]] = {}

    def join(self, listener: Listener, channel: str, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self._wanted.setdefault((channel, symbol), {})[listener] = None

    def leave(self, listener: Listener, channel: str, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            listeners = self._wanted.get((channel, symbol), {})
            listeners.pop(listener, None)
            if not listeners:
                self._wanted.pop((channel, symbol), None)

    @property
    def is_empty(self) -> bool:
        return not self._wanted

    def is_heard(self, channel: str, symbol: str) -> bool:
        wanted = self._wanted
        return (channel, symbol) in wanted or (channel, EVERYTHING) in wanted

    def say(self, channel: str, message: dict[str, Any], time_ns: int) -> None:
        """Tell everyone who wants it; `time_ns` is the message's `t`."""
        symbol = message["S"]
        named = self._wanted.get((channel, symbol), {})
        everything = self._wanted.get((channel, EVERYTHING), {})
        as_text: str | None = None
        as_pack: bytes | None = None
        for listeners in (named, everything):
            for listener in listeners:
                if listeners is everything and listener in named:
                    continue
                if listener.is_msgpack:
                    as_pack = as_pack or packed(message, time_ns)
                    listener.hear_message(as_pack, channel, symbol)
                else:
                    as_text = as_text or encode(message).decode()
                    listener.hear_message(as_text, channel, symbol)


def packed(message: dict[str, Any], time_ns: int) -> bytes:
    return encode_msgpack({**message, "t": timestamp(time_ns)})
