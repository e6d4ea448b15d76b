"""An answer and its age: two types, one to decide by and one to look at."""

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct

Value = TypeVar("Value")


class Fresh(Struct, Generic[Value], frozen=True):
    """An answer within its stated freshness when it was handed over.

    `as_of` is when it was asked for, `good_until` how long a decision may rest on it.
    """

    value: Value
    as_of: datetime
    age_s: float
    good_until: datetime

    def is_good(self, now: datetime) -> bool:
        """Whether a decision made now may rest on it."""
        return now <= self.good_until


class Shown(Struct, Generic[Value], frozen=True):
    """The last answer there was, to be looked at; nothing may be decided by it."""

    value: Value
    as_of: datetime
    age_s: float
    is_stale: bool
