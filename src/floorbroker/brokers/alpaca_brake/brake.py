"""Alpaca's requests that end everything: few, plain, and each tried only when it is told to.

Its answers to these name each order, or symbol, with a status of its own (207). Only statuses of
the two hundreds are taken; whatever else stands there is told as it came. An answer without such
a list, 2xx all the same, is believed: the look at what is left follows anyway.
"""

from typing import Any

import msgspec
from msgspec import Struct

from floorbroker.brokers.alpaca import reference
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.line import Line, checked, is_success, problem_of, understood
from floorbroker.brokers.alpaca.transport import Response, Transport
from floorbroker.brokers.answers import Command
from floorbroker.brokers.brake import Asked, Refusal, Standing
from floorbroker.brokers.pacing import Lane, Pacer
from floorbroker.clock import Clock
from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import BrokerUnknown
from floorbroker.domain.ids import OrderID

_ORDERS, _POSITIONS = "/v2/orders", "/v2/positions"
_PAGE = 500


class _Row(Struct):
    status: int
    id: str = ""
    symbol: str = ""
    body: Any = None


class _Open(Struct):
    id: str
    client_order_id: str = ""
    symbol: str | None = None
    side: str | None = None


class AlpacaBrake:
    """See `Brake`."""

    def __init__(
        self, transport: Transport, credentials: Credentials, *, clock: Clock, pacer: Pacer
    ) -> None:
        self._transport = transport
        self._pacer = pacer
        self._line = Line(transport, pacer, clock, credentials)

    async def cancel_all(self) -> Asked:
        return _asked(await self._line.call(Lane.CANCEL, "DELETE", _ORDERS))

    async def cancel(self, order_id: OrderID) -> None:
        answer = await self._line.call(Lane.CANCEL, "DELETE", f"{_ORDERS}/{order_id}")
        if not is_success(answer):
            raise problem_of(Command.CANCEL, answer)

    async def open_orders(self) -> list[Standing]:
        query = {"status": "open", "limit": str(_PAGE), "nested": "false"}
        answer = checked(await self._line.call(Lane.CANCEL, "GET", _ORDERS, query=query))
        try:
            rows = msgspec.json.decode(answer.body, type=list[_Open])
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise BrokerUnknown(f"the list of open orders cannot be read: {problem}") from None
        return [
            Standing(
                order_id=OrderID(row.id),
                cl_ord_id=row.client_order_id,
                symbol=row.symbol or "",
                side=row.side or "",
            )
            for row in rows
        ]

    async def close_positions(self) -> Asked:
        return _asked(await self._line.call(Lane.CANCEL, "DELETE", _POSITIONS))

    async def positions(self) -> dict[str, Qty]:
        answer = checked(await self._line.call(Lane.CANCEL, "GET", _POSITIONS))
        found = understood(reference.position_reports, answer)
        return {one.symbol: one.qty for one in found if one.qty != 0}

    async def aclose(self) -> None:
        await self._pacer.aclose()
        await self._transport.aclose()


def _asked(answer: Response) -> Asked:
    if not is_success(answer):
        raise problem_of(Command.CANCEL, answer)
    try:
        rows = msgspec.json.decode(answer.body, type=list[_Row]) if answer.body else []
    except (msgspec.DecodeError, UnicodeDecodeError):
        unread = Refusal(subject="the answer", text=f"HTTP {answer.status} that cannot be read")
        return Asked(taken=0, refused=(unread,))
    refused = [row for row in rows if not 200 <= row.status < 300]
    return Asked(
        taken=len(rows) - len(refused),
        refused=tuple(
            Refusal(subject=row.symbol or row.id, text=f"HTTP {row.status} {_words(row)}".strip())
            for row in refused
        ),
    )


def _words(row: _Row) -> str:
    text = row.body.get("message") if isinstance(row.body, dict) else None
    return text if isinstance(text, str) else ""
