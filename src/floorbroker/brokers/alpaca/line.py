"""One paced, authorised line to an Alpaca host, and what each of its answers means.

What an answer to a request that places, cancels or replaces means
-------------------------------------------------------------------
| answer                                     | place       | cancel      | replace     |
| ------------------------------------------ | ----------- | ----------- | ----------- |
| 2xx that can be read                       | report      | taken       | report      |
| 2xx that cannot                            | unknown     | taken       | unknown     |
| 401, 403, whoever says it                  | rejected    | rejected    | rejected    |
| 422 "client_order_id must be unique"       | unknown (1) | -           | unknown (1) |
| 422 about the order's state                | rejected    | rejected    | unknown (2) |
| 422 "pending_replace"                      | unknown     | unknown (4) | unknown (2) |
| other 4xx with Alpaca's own error body     | rejected    | rejected    | rejected    |
| other 4xx with any other body              | unknown (3) | unknown (3) | unknown (3) |
| 408, 3xx, 5xx                              | unknown     | unknown     | unknown     |
| 429                                        | unreachable | unreachable | unreachable |
| time-out, reset, broken answer             | unknown     | unknown     | unknown     |
| refused, no such name, no TLS              | unreachable | unreachable | unreachable |

(1) It proves that an earlier attempt won: the order exists, so it has to be looked up.
(2) Alpaca has answered "unable to replace order" and replaced it all the same. Only what surely
    was refused is rejected: a field that is wrong, a change that changes nothing, an order that
    has filled, expired or been canceled. An unknown wording counts as unknown, because texts may
    change and a look-up costs little. That the no was said is told with it (`is_refusal`): nothing
    is on its way any more.
(3) A proxy in between has answered; nobody knows what is behind it.
(4) Not yet: a cancel may be asked for again, and once the replace is through it is taken.

Questions do no harm, so every failure is just that: a 4xx is rejected, a 429 or a host out of
reach unreachable, anything else unknown. Only a 404 with Alpaca's body and a code of its kind
says that there is no such thing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.transport import (
    DeliveryUnknown,
    NotDelivered,
    Response,
    Transport,
)
from floorbroker.brokers.alpaca.words import Unreadable
from floorbroker.brokers.pacing import Lane, Pacer, retry_after_s
from floorbroker.clock import Clock
from floorbroker.domain.errors import (
    BrokerError,
    BrokerRejected,
    BrokerUnknown,
    BrokerUnreachable,
)

_TEXT_MAX = 500
_NOT_FOUND = 404
_TOO_MANY = 429
_BAD = 300
_UNIQUE = re.compile(r"client_?order_?id must be unique", re.IGNORECASE)
#: Refusals of a replace after which the order surely stands as it stood.
_SURELY_NOT_REPLACED = re.compile(
    r"not changed|sub-penny|^invalid |\bmust (not )?(be|have)\b|is required|\brequires? "
    r"|in \"?(filled|canceled|expired|rejected|done_for_day)\"? (state|status)"
    r"|cannot be (a )?fraction|request body format",
    re.IGNORECASE,
)
_BEING_REPLACED = re.compile(r"\bpending_replace\b", re.IGNORECASE)
_Error = TypeVar("_Error", bound=BrokerError)
Extra = ParamSpec("Extra")
Found = TypeVar("Found")


class Refusal(Struct, frozen=True):
    """Alpaca's own error body."""

    text: str
    code: int | None = None


class Line:
    """Sends requests to one host: each takes its turn, and the limits in its answer are noted.

    The caller of a request that places, cancels or replaces may have reserved the turn before
    (`Pacer.try_take`); otherwise `call` waits for one.
    """

    def __init__(
        self, transport: Transport, pacer: Pacer, clock: Clock, credentials: Credentials
    ) -> None:
        self._transport = transport
        self._pacer = pacer
        self._clock = clock
        self._credentials = credentials
        self._headers = dict(credentials.headers())
        self._headers_with_body = {**self._headers, "Content-Type": "application/json"}

    async def call(
        self,
        lane: Lane,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """One request and whatever was answered, good or bad.

        Raises BrokerUnreachable when it surely did not arrive or was turned away for pacing,
        BrokerUnknown when it may have arrived.
        """
        pacer = self._pacer
        if not pacer.claim(lane):
            await pacer.take(lane)
        answered: Mapping[str, str] | None = None
        try:
            response = await self._transport.request(
                method,
                path,
                query=query,
                body=body,
                headers=self._headers if body is None else self._headers_with_body,
            )
            answered = response.headers
        except NotDelivered as problem:
            text = f"{method} {path} was not sent: {self._hidden(problem)}"
            raise named(BrokerUnreachable(text), f"{method} {path}") from None
        except DeliveryUnknown as problem:
            text = f"{method} {path} may have arrived: {self._hidden(problem)}"
            raise named(BrokerUnknown(text), f"{method} {path}") from None
        finally:
            pacer.done(lane, answered)
        if response.status >= _BAD:
            body = self._credentials.hidden(response.body)
            response = replace(response, body=body, request=f"{method} {path}")
        if response.status == _TOO_MANY:
            raise self._turned_away(response)
        pacer.forgive()
        return response

    def _hidden(self, problem: BaseException) -> str:
        return self._credentials.hidden_text(str(problem))

    def _turned_away(self, response: Response) -> BrokerUnreachable:
        asked = retry_after_s(response.headers, self._clock.now_ns() / 1e9)
        wait_s = self._pacer.penalise(asked)
        return _error(BrokerUnreachable, response, retry_after_s=wait_s)


def is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def refusal_in(response: Response) -> Refusal | None:
    """Alpaca's own words in an error answer, or None where somebody else has answered."""
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return None
    code = body.get("code")
    details = [f"{key}: {value}" for key, value in body.items() if key not in ("code", "message")]
    text = body["message"] + (f" ({', '.join(details)})" if details else "")
    is_number = isinstance(code, int) and not isinstance(code, bool)
    return Refusal(text[:_TEXT_MAX], code if is_number else None)


def is_no_such_thing(response: Response) -> bool:
    """Whether Alpaca itself says that it has none."""
    if response.status != _NOT_FOUND:
        return False
    refusal = refusal_in(response)
    return refusal is not None and refusal.code is not None and refusal.code // 100_000 == 404


def place_error(response: Response) -> BrokerError:
    """What an answer other than 2xx to a new order means; the first column of the table."""
    refusal = refusal_in(response)
    if refusal is not None and _UNIQUE.search(refusal.text):
        return _error(BrokerUnknown, response)
    return cancel_error(response)


def cancel_error(response: Response) -> BrokerError:
    """What an answer other than 2xx to a cancel means; the second column of the table."""
    status, refusal = response.status, refusal_in(response)
    if status == 422 and refusal is not None and _BEING_REPLACED.search(refusal.text):
        return _error(BrokerUnknown, response)
    if status in (401, 403):
        return _error(BrokerRejected, response)
    if 400 <= status < 500 and status != 408 and refusal is not None:
        return _error(BrokerRejected, response)
    return _error(BrokerUnknown, response)


def replace_error(response: Response) -> BrokerError:
    """What an answer other than 2xx to a replace means; the third column of the table."""
    refusal = refusal_in(response)
    if response.status == 422 and refusal is not None:
        if _UNIQUE.search(refusal.text):
            return _error(BrokerUnknown, response)
        if _SURELY_NOT_REPLACED.search(refusal.text):
            return _error(BrokerRejected, response)
        return _error(BrokerUnknown, response, is_refusal=True)
    return cancel_error(response)


def read_error(response: Response) -> BrokerError:
    """What an answer other than 2xx to a question means."""
    if response.status in (401, 403):
        return _error(BrokerRejected, response)
    if 400 <= response.status < 500 and response.status != 408:
        is_alpaca = refusal_in(response) is not None
        return _error(BrokerRejected if is_alpaca else BrokerUnknown, response)
    return _error(BrokerUnknown, response)


def checked(response: Response) -> Response:
    """The answer to a question, if it is one; raises BrokerError."""
    if not is_success(response):
        raise read_error(response)
    return response


def understood(
    translate: Callable[Concatenate[bytes, Extra], Found],
    answer: Response,
    *more: Extra.args,
    **options: Extra.kwargs,
) -> Found:
    """What the answer says; raises BrokerUnknown that names what it lacks."""
    try:
        return translate(answer.body, *more, **options)
    except Unreadable as problem:
        raise BrokerUnknown(
            f"HTTP {answer.status} that cannot be read: {problem}", status=answer.status
        ) from None


def _error(kind: type[_Error], response: Response, **more: Any) -> _Error:
    refusal = refusal_in(response)
    if refusal is not None:
        text, code = refusal.text, refusal.code
    else:
        text, code = response.body[:200].decode("utf-8", "replace") or "no body", None
    problem = kind(f"HTTP {response.status}: {text}", status=response.status, code=code, **more)
    return named(problem, response.request, response.headers.get("x-request-id", ""))


def named(problem: _Error, request: str, request_id: str = "") -> _Error:
    """The error, with what was asked and the broker's own name for it."""
    problem.request, problem.request_id = request, request_id
    return problem
