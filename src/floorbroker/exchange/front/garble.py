"""What the fault plan does to the messages of one market data stream."""

import asyncio
from collections.abc import Container
from typing import Protocol

from floorbroker.exchange.faults import DATA
from floorbroker.exchange.front.server import ExchangeServer

#: A message that is held back leaves after this long, if no other comes.
_REORDER_WAIT_S = 1.0
Encoded = bytes | str
_NONSENSE: dict[bool, Encoded] = {False: '{"T":"q","S":', True: b"\xc1\xc1"}


class Way(Protocol):
    """Where messages go; false means that they come too fast for whoever listens."""

    def put(self, message: Encoded) -> bool: ...

    def put_alone(self, message: Encoded) -> None: ...

    def end(self, code: int) -> None: ...


class Garbler:
    """Stands between the market and one client."""

    def __init__(self, server: ExchangeServer, way: Way, *, is_msgpack: bool) -> None:
        self._server = server
        self._way = way
        self._is_msgpack = is_msgpack
        self._held: Encoded | None = None
        self._muted_until_s = 0.0

    @property
    def is_mute(self) -> bool:
        """Whether nothing is said at all, answers included."""
        if not self._muted_until_s:
            return False
        return self._server.setup.clock.monotonic() < self._muted_until_s

    def put(self, message: Encoded, channel: str, symbol: str, account: str) -> bool:
        """Queue a message, spoiled as the plan has it; false if too many wait."""
        server = self._server
        if not (server.faults.strikes_at(DATA) or self._held or self._muted_until_s):
            return self._way.put(message)
        faults = server.faults.on_frame(channel, symbol, account, server.now_ns, layer=DATA)
        struck = {rule.kind: rule for rule in faults}
        if (rule := struck.get("data_mute")) is not None:
            self._muted_until_s = server.setup.clock.monotonic() + rule.wait_s
        if self.is_mute or "data_lose" in struck:
            return True
        if (rule := struck.get("data_disconnect")) is not None:
            self._way.end(rule.code)
            return True
        if "data_garbage" in struck:
            self._way.put_alone(_NONSENSE[self._is_msgpack])
            return True
        return self._queue(message, struck)

    def _queue(self, message: Encoded, struck: Container[str]) -> bool:
        if "data_reorder" in struck and self._held is None:
            self._held = message
            asyncio.get_running_loop().call_later(_REORDER_WAIT_S, self._release)
            return True
        has_room = self._way.put(message)
        if "data_duplicate" in struck:
            has_room = self._way.put(message)
        self._release()
        return has_room

    def _release(self) -> None:
        if self._held is not None:
            self._way.put(self._held)
            self._held = None
