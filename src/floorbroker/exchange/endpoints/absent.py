"""What Alpaca serves to accounts with another permission, answered as to one that lacks it.

The texts for tokenization, locates and options are as published; that of wallets, perpetuals and
fixed income is ours, under the code of its kind.
"""

import re
from collections.abc import Iterator
from uuid import UUID

from msgspec import Struct

from floorbroker.exchange.front.http import Answer, Handler, Request, Route
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.wire.words import encode, error_body

_OPTION = re.compile(r"[A-Z]{1,6}\d{6}[CP]\d{8}")


class Refusal(Struct, frozen=True, kw_only=True):
    """What a group of operations answers; `{}` in the text stands for the path's variable part.

    A code of 0 is left out of the body.
    """

    status: int
    code: int
    message: str


class Operation(Struct, frozen=True):
    """An operation that is answered and does nothing."""

    method: str
    path: str
    answer: Refusal


_NO_WALLET = Refusal(
    status=403, code=40310000, message="crypto transfers are not enabled for this account"
)
_NO_PERPETUALS = Refusal(
    status=403, code=40310000, message="crypto perpetuals are not enabled for this account"
)
_NO_BONDS = Refusal(
    status=403, code=40310000, message="fixed income is not enabled for this account"
)
_FORBIDDEN = Refusal(status=403, code=40310000, message="forbidden")
_NO_LOCATES = Refusal(status=403, code=0, message="Forbidden")
_NO_CONTRACT = Refusal(status=404, code=40410000, message="option contract {} not found")
_NO_POSITION = Refusal(
    status=403, code=40310000, message="no available position for the specified contract"
)

OPERATIONS = (
    Operation("GET", "/v2/options/contracts/{}", _NO_CONTRACT),
    Operation("POST", "/v2/positions/{}/exercise", _NO_POSITION),
    Operation("POST", "/v2/positions/{}/do-not-exercise", _NO_POSITION),
    Operation("GET", "/v1/locates", _NO_LOCATES),
    Operation("POST", "/v1/locates", _NO_LOCATES),
    Operation("GET", "/v1/locates/quotes", _NO_LOCATES),
    Operation("GET", "/v1/locates/{}", _NO_LOCATES),
    Operation("POST", "/v2/tokenization/mint", _FORBIDDEN),
    Operation("GET", "/v2/tokenization/requests", _FORBIDDEN),
    Operation("GET", "/v2/tokenization/requests/{}", _FORBIDDEN),
    Operation("GET", "/v2/tokenization/requests:by_client_request_id", _FORBIDDEN),
    Operation("GET", "/v2/wallets", _NO_WALLET),
    Operation("GET", "/v2/wallets/fees/estimate", _NO_WALLET),
    Operation("GET", "/v2/wallets/transfers", _NO_WALLET),
    Operation("POST", "/v2/wallets/transfers", _NO_WALLET),
    Operation("GET", "/v2/wallets/transfers/{}", _NO_WALLET),
    Operation("GET", "/v2/wallets/travel-rule/vasps", _NO_WALLET),
    Operation("GET", "/v2/wallets/whitelists", _NO_WALLET),
    Operation("POST", "/v2/wallets/whitelists", _NO_WALLET),
    Operation("DELETE", "/v2/wallets/whitelists/{}", _NO_WALLET),
    Operation("PATCH", "/v2/wallets/whitelists/{}/travel-rule-info", _NO_WALLET),
    Operation("GET", "/v2/perpetuals/{}", _NO_PERPETUALS),
    Operation("POST", "/v2/perpetuals/{}", _NO_PERPETUALS),
    Operation("GET", "/v2/perpetuals/{}/{}", _NO_PERPETUALS),
    Operation("POST", "/v2/perpetuals/{}/{}", _NO_PERPETUALS),
    Operation("GET", "/v2/assets/fixed_income/us_treasuries", _NO_BONDS),
    Operation("GET", "/v2/assets/fixed_income/us_corporates", _NO_BONDS),
)


class Absent:
    """The handlers of everything above, and of the list of option contracts, which is empty."""

    def routes(self) -> list[Route]:
        routes = [Route("GET", "/v2/options/contracts", self.contracts)]
        for each in OPERATIONS:
            refuse = _refuser(each.answer)
            needs_contract = each.answer is _NO_POSITION
            handler = _for_contracts(refuse) if needs_contract else refuse
            routes.append(Route(each.method, each.path, handler))
        return routes

    def contracts(self, request: Request) -> Answer:
        return Answer(body=encode({"option_contracts": [], "next_page_token": None}))


def table() -> Iterator[str]:
    """The operations as lines of a Markdown table, those with the same answer together."""
    yield "| operations | answer |"
    yield "| --- | --- |"
    answers = dict.fromkeys(each.answer for each in OPERATIONS)
    for answer in answers:
        paths = [f"`{each.method} {each.path}`" for each in OPERATIONS if each.answer is answer]
        code = f" {answer.code}" if answer.code else ""
        yield f'| {", ".join(paths)} | {answer.status}{code} "{answer.message}" |'


def _refuser(refusal: Refusal) -> Handler:
    def answer(request: Request) -> Answer:
        text = refusal.message.replace("{}", request.args[0] if request.args else "")
        body = error_body(refusal.code, text) if refusal.code else encode({"message": text})
        return Answer(refusal.status, body)

    return answer


def _for_contracts(handler: Handler) -> Handler:
    """The handler for requests that name an option contract, by its symbol or id."""

    def answer(request: Request) -> Answer:
        name = request.args[0]
        if not _OPTION.fullmatch(name) and not _is_uuid(name):
            raise VenueError(422, 42210000, "invalid symbol")
        return handler(request)

    return answer


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
