"""What an at-trade control says when it fires."""

from enum import StrEnum

from msgspec import Struct


class Then(StrEnum):
    """What follows."""

    WARN = "warn"  #: Somebody is told.
    DENY = "deny"  #: This order is refused.
    PAUSE = "pause"  #: The symbol takes nothing.
    DISABLE = "disable"  #: The strategy takes nothing until somebody enables it again.
    REDUCE = "reduce"  #: The desk takes only what makes a position smaller.
    HALT = "halt"  #: The desk takes nothing.
    CANCEL = "cancel"  #: And every open order is canceled.
    REFUSE = "refuse"  #: The desk does not start, or sends nothing.
    ESCALATE = "escalate"  #: It is told again.


class Breach(Struct, frozen=True, kw_only=True):
    """A control fired: what it found, what the limit is, and what follows."""

    control: str
    limit: str
    value: str
    then: Then

    @property
    def text(self) -> str:
        return f"{self.control}: {self.value}, and the limit is {self.limit}"
