"""The tables behind the letters: exchanges, and conditions of trades and quotes."""

from floorbroker.exchange.data.query import missing, refused
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.reference.conditions import CONDITIONS, EXCHANGES
from floorbroker.exchange.wire.words import encode

_KINDS, _TAPES = ("trade", "quote"), ("A", "B", "C")


def routes() -> list[Route]:
    return [
        Route("GET", "/v2/stocks/meta/exchanges", _exchanges),
        Route("GET", "/v2/stocks/meta/conditions/{}", _conditions),
    ]


def _exchanges(request: Request) -> Answer:
    return Answer(body=encode(EXCHANGES))


def _conditions(request: Request) -> Answer:
    (kind,) = request.args
    tape = request.query().get("tape", "")
    if kind not in _KINDS:
        raise refused(f"invalid ticktype: {kind}; must be trade or quote")
    if not tape:
        raise missing("tape")
    if tape not in _TAPES:
        raise refused(f"invalid tape: {tape}; must be A, B or C")
    return Answer(body=encode(CONDITIONS[kind, tape]))
