"""One paced, authorised line to an Alpaca host, and which class each of its answers is of.

What a class means for the request, and what follows, is for the table in `brokers.answers` to
say. Three things are peculiar to Alpaca:

- "client_order_id must be unique" proves that an earlier attempt won: the order exists.
- "Unable to replace order" has been answered of orders that were replaced all the same. Only what
  surely was refused counts as refused: a field that is wrong, a change that changes nothing, an
  order that has filled, expired or been canceled. An unknown wording counts as doubtful, because
  texts may change and a look-up costs little.
- A 4xx without Alpaca's own error body is a proxy's, and nobody knows what is behind it; only a
  404 with Alpaca's body and a code of its kind says that there is no such thing.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

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
from floorbroker.brokers.answers import TABLE, Answer, Command, error_of
from floorbroker.brokers.pacing import Lane, Pacer, retry_after_s
from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError

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
Extra = ParamSpec("Extra")
Found = TypeVar("Found")

#: What a lane's requests ask for.
COMMANDS = {
    Lane.SUBMIT: Command.SUBMIT,
    Lane.REPLACE: Command.REPLACE,
    Lane.CANCEL: Command.CANCEL,
    Lane.RECONCILE: Command.ASK,
    Lane.QUERY: Command.ASK,
}


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
            error = error_of(COMMANDS[lane], Answer.NOT_SENT, text)
            raise named(error, f"{method} {path}") from None
        except DeliveryUnknown as problem:
            text = f"{method} {path} may have arrived: {self._hidden(problem)}"
            error = error_of(COMMANDS[lane], Answer.NO_ANSWER, text)
            raise named(error, f"{method} {path}") from None
        finally:
            pacer.done(lane, answered)
        if response.status >= _BAD:
            body = self._credentials.hidden(response.body)
            response = replace(response, body=body, request=f"{method} {path}")
        if response.status == _TOO_MANY:
            raise self._turned_away(COMMANDS[lane], response)
        pacer.forgive()
        return response

    def _hidden(self, problem: BaseException) -> str:
        return self._credentials.hidden_text(str(problem))

    def _turned_away(self, command: Command, response: Response) -> BrokerError:
        asked = retry_after_s(response.headers, self._clock.now_ns() / 1e9)
        wait_s = self._pacer.penalise(asked)
        return _error(command, Answer.TOO_MANY, response, wait_s)


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


def _is_broken(response: Response, _: Refusal | None) -> bool:
    return not 400 <= response.status < 500 or response.status == 408


def _says(words: re.Pattern[str], response: Response, refusal: Refusal | None) -> bool:
    if refusal is None or not 400 <= response.status < 500:
        return False
    return words.search(refusal.text) is not None


def _is_doubtful(response: Response, refusal: Refusal | None) -> bool:
    return response.status == 422 and not _says(_SURELY_NOT_REPLACED, response, refusal)


#: How each class shows, told apart in this order; those that show before an answer came, or only
#: once it was read, are not among them.
_SIGNS: tuple[tuple[Answer, Callable[[Response, Refusal | None], bool]], ...] = (
    (Answer.READ, lambda response, _: is_success(response)),
    (Answer.TOO_MANY, lambda response, _: response.status == _TOO_MANY),
    (Answer.DUPLICATE_ID, partial(_says, _UNIQUE)),
    (Answer.DENIED, lambda response, _: response.status in (401, 403)),
    (Answer.BROKEN, _is_broken),
    (Answer.NOT_THE_BROKER, lambda _, refusal: refusal is None),
    (Answer.NO_SUCH_THING, lambda response, _: is_no_such_thing(response)),
    (Answer.DOUBTFUL_NO, _is_doubtful),
    (Answer.BEING_REPLACED, partial(_says, _BEING_REPLACED)),
    (Answer.REFUSED, lambda _, __: True),
)


def class_of(command: Command, response: Response) -> Answer:
    """The class of an answer to this command, as far as it shows before the body is read."""
    refusal = refusal_in(response)
    return next(
        answer
        for answer, shows in _SIGNS
        if (command, answer) in TABLE and shows(response, refusal)
    )


def problem_of(command: Command, response: Response) -> BrokerError:
    """What an answer other than 2xx means."""
    return _error(command, class_of(command, response), response)


def checked(response: Response) -> Response:
    """The answer to a question, if it is one; raises BrokerError."""
    if not is_success(response):
        raise problem_of(Command.ASK, response)
    return response


def readable(command: Command, answer: Response, read: Callable[[], Found]) -> Found:
    """What a 2xx says; raises what it means that it lacks something, naming it."""
    try:
        return read()
    except Unreadable as problem:
        text = f"HTTP {answer.status} that cannot be read: {problem}"
        raise error_of(command, Answer.GARBLED, text, status=answer.status) from None


def foreign(command: Command, answer: Response, text: str) -> BrokerError:
    """What it means that a 2xx is about another order."""
    return error_of(command, Answer.FOREIGN, text, status=answer.status)


def understood(
    translate: Callable[Concatenate[bytes, Extra], Found],
    answer: Response,
    *more: Extra.args,
    **options: Extra.kwargs,
) -> Found:
    """What the answer to a question says; raises BrokerUnknown that names what it lacks."""
    return readable(Command.ASK, answer, lambda: translate(answer.body, *more, **options))


def _error(
    command: Command, answer: Answer, response: Response, retry_after_s: float | None = None
) -> BrokerError:
    refusal = refusal_in(response)
    if refusal is not None:
        text, code = refusal.text, refusal.code
    else:
        text, code = response.body[:200].decode("utf-8", "replace") or "no body", None
    problem = error_of(
        command,
        answer,
        f"HTTP {response.status}: {text}",
        status=response.status,
        code=code,
        retry_after_s=retry_after_s,
    )
    return named(problem, response.request, response.headers.get("x-request-id", ""))


def named(problem: BrokerError, request: str, request_id: str = "") -> BrokerError:
    """The error, with what was asked and the broker's own name for it."""
    problem.request, problem.request_id = request, request_id
    return problem
