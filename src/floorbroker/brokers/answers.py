"""What each answer of a broker means, per command, and what follows: one table, as data.

A door finds out which class an answer is of; what that means is decided here and nowhere else.
The page docs/recovery.md shows the table beside the tests that hold each of its cells.
"""

from enum import StrEnum

from msgspec import Struct

from floorbroker.domain.errors import (
    BrokerError,
    BrokerRejected,
    BrokerUnknown,
    BrokerUnreachable,
)


class Command(StrEnum):
    """What the broker was asked to do."""

    SUBMIT = "submit"  #: Place an order.
    REPLACE = "replace"  #: Change a live order.
    CANCEL = "cancel"  #: End a live order.
    CLOSE = "close"  #: Close a position: a market order of ours, answered like any other.
    ASK = "ask"  #: Tell how something stands; does no harm.


class Answer(StrEnum):
    """What came back, in classes that mean one thing each."""

    READ = "read"  #: 2xx that can be read.
    GARBLED = "garbled"  #: 2xx that cannot be read.
    FOREIGN = "foreign"  #: 2xx about another order than the one asked about.
    DUPLICATE_ID = "duplicate_id"  #: 4xx "client_order_id must be unique".
    BEING_REPLACED = "being_replaced"  #: 422 because the order is in `pending_replace`.
    DOUBTFUL_NO = "doubtful_no"  #: 422 to a replace, in words said of replaces carried out.
    NO_SUCH_THING = "no_such_thing"  #: 404 with the broker's own body and code.
    DENIED = "denied"  #: 401 or 403, whoever says it.
    REFUSED = "refused"  #: Any other 4xx with the broker's own error body.
    REFUSED_AGAIN = "refused_again"  #: A refusal, but an earlier attempt may have arrived.
    NOT_THE_BROKER = "not_the_broker"  #: Any other 4xx with any other body: a proxy's.
    TOO_MANY = "too_many"  #: 429.
    BROKEN = "broken"  #: 408, 3xx or 5xx.
    NO_ANSWER = "no_answer"  #: Time-out, reset, or an answer that broke off.
    NOT_SENT = "not_sent"  #: No connection: refused, no such name, no TLS.


class Meaning(StrEnum):
    """What is known of the request after the answer."""

    DONE = "done"  #: The broker took it.
    EXISTS = "exists"  #: An earlier attempt of it was taken.
    UNKNOWN = "unknown"  #: It may have been taken, or may yet be.
    DOUBTED = "doubted"  #: The broker said no, and has said so of requests that it carried out.
    REFUSED = "refused"  #: It was not taken and will not be.
    NOT_PROCESSED = "not processed"  #: It arrived and was turned away unread.
    NOT_SENT = "not sent"  #: No byte of it left.
    ABSENT = "absent"  #: At this moment the broker shows none; one piece of evidence.
    NOTHING = "nothing"  #: The question is as open as before.


class Next(StrEnum):
    """What follows."""

    FOLLOW = "write it down; the stream and the polls tell the rest"
    LOOK_UP = "UNKNOWN: look it up until there is evidence; nothing is sent again"
    COMPARE = "look it up by the id and compare its terms; other terms halt the desk"
    REJECT = "the order ends as rejected, its reservation is released"
    AS_IT_WAS = "the order stands as it did; ask how"
    SUCCESSOR = "look for the successor by its id, and in the order's own record"
    ITS_RECORD = "believe it only if the order's own record names no successor"
    AGAIN = "wait, then the same request with the same id, while the order's lifetime lasts"
    AGAIN_SOON = "wait, then the same request again"
    CANCEL_AGAIN = "ask how the order stands, then cancel again: a second one does no harm"
    COUNT = "it counts as one absence; see how many it takes"
    ASK_AGAIN = "it is no evidence; ask again"
    USE = "use it"


class Row(Struct, frozen=True):
    """One cell of the table."""

    meaning: Meaning
    next: Next


_M, _N, _A = Meaning, Next, Answer
_FAILED = (_A.BROKEN, _A.NO_ANSWER, _A.NOT_THE_BROKER)
_REFUSALS = (_A.REFUSED, _A.DENIED, _A.NO_SUCH_THING)
_TURNED_AWAY = {_A.TOO_MANY: _M.NOT_PROCESSED, _A.NOT_SENT: _M.NOT_SENT}

_SUBMIT = {
    _A.READ: Row(_M.DONE, _N.FOLLOW),
    _A.DUPLICATE_ID: Row(_M.EXISTS, _N.COMPARE),
    _A.REFUSED_AGAIN: Row(_M.UNKNOWN, _N.LOOK_UP),
    **dict.fromkeys(
        (_A.GARBLED, _A.FOREIGN, _A.BEING_REPLACED, *_FAILED), Row(_M.UNKNOWN, _N.LOOK_UP)
    ),
    **dict.fromkeys(_REFUSALS, Row(_M.REFUSED, _N.REJECT)),
    **{answer: Row(meaning, _N.AGAIN) for answer, meaning in _TURNED_AWAY.items()},
}
_REPLACE = {
    _A.READ: Row(_M.DONE, _N.FOLLOW),
    _A.DUPLICATE_ID: Row(_M.EXISTS, _N.SUCCESSOR),
    _A.DOUBTFUL_NO: Row(_M.DOUBTED, _N.ITS_RECORD),
    **dict.fromkeys((_A.GARBLED, _A.FOREIGN, *_FAILED), Row(_M.UNKNOWN, _N.SUCCESSOR)),
    **dict.fromkeys(_REFUSALS, Row(_M.REFUSED, _N.ITS_RECORD)),
    **{answer: Row(meaning, _N.AGAIN_SOON) for answer, meaning in _TURNED_AWAY.items()},
}
_CANCEL = {
    _A.READ: Row(_M.DONE, _N.FOLLOW),
    **dict.fromkeys((_A.BEING_REPLACED, *_FAILED), Row(_M.UNKNOWN, _N.CANCEL_AGAIN)),
    **dict.fromkeys(_REFUSALS, Row(_M.REFUSED, _N.AS_IT_WAS)),
    **{answer: Row(meaning, _N.AGAIN_SOON) for answer, meaning in _TURNED_AWAY.items()},
}
_ASK = {
    _A.READ: Row(_M.DONE, _N.USE),
    _A.NO_SUCH_THING: Row(_M.ABSENT, _N.COUNT),
    **dict.fromkeys(
        (_A.GARBLED, _A.FOREIGN, _A.DENIED, _A.REFUSED, *_FAILED, *_TURNED_AWAY),
        Row(_M.NOTHING, _N.ASK_AGAIN),
    ),
}

#: Every cell there is; an answer of a class that a command has no cell for is a `refused` one.
TABLE: dict[tuple[Command, Answer], Row] = {
    (command, answer): rows[answer]
    for command, rows in (
        (Command.SUBMIT, _SUBMIT),
        (Command.REPLACE, _REPLACE),
        (Command.CANCEL, _CANCEL),
        (Command.CLOSE, _SUBMIT),
        (Command.ASK, _ASK),
    )
    for answer in Answer
    if answer in rows
}

#: How the port says it.
_RAISED: dict[Meaning, type[BrokerError]] = {
    Meaning.EXISTS: BrokerUnknown,
    Meaning.UNKNOWN: BrokerUnknown,
    Meaning.DOUBTED: BrokerUnknown,
    Meaning.REFUSED: BrokerRejected,
    Meaning.NOT_PROCESSED: BrokerUnreachable,
    Meaning.NOT_SENT: BrokerUnreachable,
}
#: A question that came to nothing is told as what happened to it; nobody takes it for evidence.
_RAISED_TO_A_QUESTION: dict[Answer, type[BrokerError]] = {
    Answer.REFUSED: BrokerRejected,
    Answer.DENIED: BrokerRejected,
    Answer.NO_SUCH_THING: BrokerRejected,
    Answer.TOO_MANY: BrokerUnreachable,
    Answer.NOT_SENT: BrokerUnreachable,
}


def error_of(
    command: Command,
    answer: Answer,
    text: str,
    *,
    status: int | None = None,
    code: int | None = None,
    retry_after_s: float | None = None,
) -> BrokerError:
    """The error that says what the answer means; not for answers that mean `done`."""
    meaning = TABLE[command, answer].meaning
    if command is Command.ASK:
        kind = _RAISED_TO_A_QUESTION.get(answer, BrokerUnknown)
    else:
        kind = _RAISED[meaning]
    found = kind(text, status=status, code=code)
    if isinstance(found, BrokerUnreachable):
        found.retry_after_s = retry_after_s
    if isinstance(found, BrokerUnknown):
        found.is_refusal = meaning is Meaning.DOUBTED
    found.answer = f"{command}.{answer}"
    return found
