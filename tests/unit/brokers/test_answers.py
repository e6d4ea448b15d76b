"""The answer table: each cell has an answer that the real client puts there, and no other."""

from collections.abc import Mapping

import pytest

from floorbroker.brokers.answers import TABLE, Answer, Command, Meaning
from floorbroker.domain.errors import (
    BrokerError,
    BrokerRejected,
    BrokerUnknown,
    BrokerUnreachable,
)
from tests.unit.brokers.alpaca.test_line import (
    HTML,
    UNIQUE,
    Action,
    cancel,
    look_up,
    outcome,
    place,
    replace,
)
from tests.unit.brokers.tiny import Cut, Reply, encode, error, order

ACTIONS: Mapping[Command, Action] = {
    Command.SUBMIT: place,
    Command.REPLACE: replace,
    Command.CANCEL: cancel,
    Command.ASK: look_up,
}
_BEING_REPLACED = Reply(422, error(42210000, 'order is already in "pending_replace" state'))
_UNABLE = Reply(422, error(42210000, "unable to replace order, order is not open"))
_OTHER_ID = {"id": "11111111-2222-3333-4444-555555555555"}
SAMPLES: Mapping[Answer, Reply | Exception] = {
    Answer.READ: Reply(200, encode(order())),
    Answer.GARBLED: Reply(200, HTML),
    Answer.FOREIGN: Reply(200, encode({**order(), "client_order_id": "FB-2"})),
    Answer.DUPLICATE_ID: Reply(422, UNIQUE),
    Answer.BEING_REPLACED: _BEING_REPLACED,
    Answer.DOUBTFUL_NO: _UNABLE,
    Answer.NO_SUCH_THING: Reply(404, error(40410000, "order not found")),
    Answer.DENIED: Reply(401, error(40110000, "not authorized")),
    Answer.REFUSED: Reply(400, error(40010000, "invalid syntax")),
    Answer.NOT_THE_BROKER: Reply(404, HTML),
    Answer.TOO_MANY: Reply(429, b'{"message":"too many"}'),
    Answer.BROKEN: Reply(504, error(50410000, "request timed out")),
    Answer.NO_ANSWER: Cut(delivered=True),
    Answer.NOT_SENT: Cut(delivered=False),
}
#: Where one sample does not fit every command.
SPECIAL: Mapping[tuple[Command, Answer], Reply] = {
    (Command.REPLACE, Answer.READ): Reply(200, encode({**order(), **_OTHER_ID})),
    (Command.REPLACE, Answer.FOREIGN): Reply(200, encode(order())),  # the very same order
}
#: What the engine makes of a refusal, which no answer shows: see `test_decide`.
_BY_THE_ENGINE = {Answer.REFUSED_AGAIN}
CELLS = [
    (command, answer)
    for command, answer in TABLE
    if command is not Command.CLOSE and answer not in _BY_THE_ENGINE
]
KINDS: Mapping[Meaning, type[BrokerError] | None] = {
    Meaning.DONE: None,
    Meaning.EXISTS: BrokerUnknown,
    Meaning.UNKNOWN: BrokerUnknown,
    Meaning.DOUBTED: BrokerUnknown,
    Meaning.REFUSED: BrokerRejected,
    Meaning.NOT_PROCESSED: BrokerUnreachable,
    Meaning.NOT_SENT: BrokerUnreachable,
}


@pytest.mark.proves("answers")
@pytest.mark.parametrize(("command", "answer"), CELLS, ids=".".join)
def test_each_answer_is_of_its_class_and_means_what_the_table_says(
    command: Command, answer: Answer
) -> None:
    sample = SPECIAL.get((command, answer), SAMPLES[answer])
    found = outcome(ACTIONS[command], sample)
    meaning = TABLE[command, answer].meaning
    if meaning is Meaning.DONE:
        assert not isinstance(found, BrokerError), found
    elif meaning is Meaning.ABSENT:
        assert found is None
    else:
        assert isinstance(found, BrokerError)
        assert found.answer == f"{command}.{answer}"
        assert type(found) is KINDS.get(meaning, type(found))


def test_no_failure_of_a_question_is_taken_for_an_absence() -> None:
    absences = {answer for command, answer in TABLE if _is_absence(command, answer)}
    assert absences == {Answer.NO_SUCH_THING}


def _is_absence(command: Command, answer: Answer) -> bool:
    return command is Command.ASK and TABLE[command, answer].meaning is Meaning.ABSENT


def test_only_what_surely_was_not_taken_may_be_made_again() -> None:
    again = {answer for (_, answer), row in TABLE.items() if row.next.name.startswith("AGAIN")}
    assert again == {Answer.TOO_MANY, Answer.NOT_SENT}


def test_closing_a_position_is_answered_like_any_order() -> None:
    closing = {answer: row for (command, answer), row in TABLE.items() if command == "close"}
    assert closing == {
        answer: row for (command, answer), row in TABLE.items() if command == "submit"
    }


def test_every_class_of_answer_has_a_cell_for_every_request() -> None:
    """A class that a command has no cell for would be refused by accident: name them."""
    lacking = {
        f"{command}.{answer}"
        for command in (Command.SUBMIT, Command.REPLACE, Command.CANCEL)
        for answer in Answer
        if (command, answer) not in TABLE
    }
    assert lacking == {
        "submit.doubtful_no",
        "replace.being_replaced",  # a doubtful no to a replace
        "replace.refused_again",
        "cancel.duplicate_id",
        "cancel.doubtful_no",
        "cancel.garbled",
        "cancel.foreign",
        "cancel.refused_again",
    }
