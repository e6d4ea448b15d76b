"""What is typed after `floorbroker plan`, read as numbers and times, or refused by its option."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, time

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import finite, positive
from floorbroker.domain.terms import Side

OPEN_S, CLOSE_S = 34_200, 57_600

#: Fields of the models that are typed under another name; all others under their own.
MODEL_OPTIONS = {"shares": "--qty", "horizon": "--horizon", "drift": "--alpha"}
PROGRAM_OPTIONS = {
    "shares": "--x0",
    "days": "--horizon",
    "drift": "--alpha",
    "risk_aversion": "--lambda",
}


@contextmanager
def as_options(names: Mapping[str, str] = MODEL_OPTIONS) -> Iterator[None]:
    """Have an error name the option that was typed, not the field that it became."""
    try:
        yield
    except InvalidModel as problem:
        if problem.field.startswith("-"):
            raise
        option = names.get(problem.field, f"--{problem.field.replace('_', '-')}")
        raise InvalidModel(option, problem.value, problem.hint) from None


#: Numbers beyond are typing mistakes, and their squares are more than a float can hold.
MAGNITUDE_MAX = 1e18
#: More parts would take minutes, and nobody trades in so many.
PARTS_MAX = 10_000


def number(option: str, text: str, example: str = "2.5e-6") -> float:
    """A finite number; `2%` is 0.02."""
    bare = text.strip()
    percent = bare.endswith("%")
    try:
        value = float(bare.removesuffix("%"))
    except ValueError:
        raise InvalidModel(option, repr(text), f"write a number, such as {example}") from None
    value = finite(option, value / 100 if percent else value)
    if value and not 1 / MAGNITUDE_MAX <= abs(value) <= MAGNITUDE_MAX:
        raise InvalidModel(option, text, "it is too far from 1 to be meant")
    return value


def wanted(option: str, text: str | None, hint: str) -> str:
    if text is None:
        raise InvalidModel(option, "nothing", hint)
    return text


def maybe(option: str, text: str | None, default: float = 0.0) -> float:
    return default if text is None else number(option, text)


def whole(option: str, text: str, what: str = "shares") -> int:
    """A whole number of 1 or more."""
    value = positive(option, number(option, text, "100000"))
    if not value.is_integer():
        raise InvalidModel(option, text, f"it must be a whole number of {what}")
    return int(value)


def parts(option: str, text: str, what: str) -> int:
    """How many slices or intervals."""
    value = whole(option, text, what)
    if value > PARTS_MAX:
        raise InvalidModel(option, text, f"there must be {PARTS_MAX:,} {what} or fewer")
    return value


def symbol_of(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9./-]{1,32}", text):
        raise InvalidModel("--symbol", repr(text), "write a symbol, such as IBM")
    return text.upper()


def side_of(text: str | None) -> Side:
    hint = "give --side buy or --side sell"
    word = wanted("--side", text, hint)
    try:
        return Side(word.lower())
    except ValueError:
        raise InvalidModel("--side", repr(text), hint) from None


def time_of(option: str, text: str) -> int:
    """Seconds of the day in New York."""
    try:
        at = time.fromisoformat(text if text.count(":") else "no time")
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise InvalidModel(option, repr(text), "write a time in New York, such as 09:45")
    return at.hour * 3600 + at.minute * 60 + at.second


def clock_text(at_s: int) -> str:
    """`09:45`, or `09:45:30` where there are seconds."""
    hours, rest = divmod(at_s, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def close_of(text: str | None) -> int:
    """When the session of that date closes; 16:00 where no date was given."""
    if text is None:
        return CLOSE_S
    from floorbroker.clock import datetime_of
    from floorbroker.exchange.reference.calendar import NEW_YORK, session_of

    try:
        day = date.fromisoformat(text)
        session = session_of(day)
    except ValueError as problem:
        hint = f"write a date of the calendar, such as 2026-11-27 ({problem})"
        raise InvalidModel("--date", repr(text), hint) from None
    if session is None:
        raise InvalidModel("--date", text, "there is no session on that day")
    close = datetime_of(session.close_ns).astimezone(NEW_YORK)
    return close.hour * 3600 + close.minute * 60
