"""The connection of one request or stream, for faults that misuse it."""

import asyncio

from floorbroker.exchange.front.http import Receive, Scope, Send

#: Where `scope["extensions"]` holds this, it cuts the connection; called with "refuse" or "reset".
RESET_EXTENSION = "floorbroker.reset"


class FaultInjected(Exception):
    """The fault plan cut the connection; `delivered` says whether the request may have arrived."""

    def __init__(self, text: str, *, delivered: bool) -> None:
        super().__init__(text)
        self.delivered = delivered


class Wire:
    """One request's connection."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self.receive = receive
        self.send = send

    async def drop(self, *, has_arrived: bool) -> None:
        """End the connection without an answer."""
        await drop_connection(self._scope, has_arrived=has_arrived)
        await self.is_gone_within(5)

    async def is_gone_within(self, seconds: float) -> bool:
        """Whether the other side hangs up before that."""
        try:
            async with asyncio.timeout(seconds):
                while (await self.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True


async def drop_connection(scope: Scope, *, has_arrived: bool) -> None:
    """Have the server cut the connection; raises FaultInjected where it cannot be told to."""
    reset = (scope.get("extensions") or {}).get(RESET_EXTENSION)
    if reset is None:
        how = "reset" if has_arrived else "refused"
        raise FaultInjected(f"connection {how} by the fault plan", delivered=has_arrived)
    outcome = reset("reset" if has_arrived else "refuse")
    if outcome is not None:
        await outcome
