"""The exception tree, shaped by what the caller does next.

FloorbrokerError
├── Refused               we said no and nothing left; fix it and use a new ClOrdID
│   ├── InvalidOrder          a field is wrong; it names the field, the value and what is right
│   ├── RiskDenied            a control denied it; it says which, and what would pass
│   ├── UnknownOrder          no such order here
│   ├── DuplicateClOrdID      this ClOrdID was used before
│   ├── Halted                the desk takes no orders now
│   └── StreamTaken           another desk of this machine follows the account's order stream
├── BrokerError
│   ├── BrokerRejected        they said no; final
│   ├── BrokerUnreachable     it surely did not arrive; may be retried with the same ClOrdID
│   └── BrokerUnknown         it may have arrived; ask, never send again blindly
├── JournalError          cannot be durable; stop, exit, recover
│   ├── JournalLocked         another desk writes this journal
│   ├── JournalSimulated      it is of a simulation: to be looked at only
│   └── JournalDamaged        the records do not verify, or are not ours
└── ConfigError           cannot start; says which key; exit code 2
    ├── TapeError             a market tape or fault file is malformed: file, line, field
    ├── TargetsError          targets of a portfolio cannot be meant: file, line, field, value
    └── InvalidModel          a number of an estimate is wrong; names field, value, what is right
"""

from datetime import datetime


class FloorbrokerError(Exception):
    """Root of everything that this package raises on purpose."""


class Refused(FloorbrokerError):
    """We said no, nothing left this process."""


class InvalidOrder(Refused, ValueError):
    """One field of an order is wrong: names the field, the value and what would be right."""

    def __init__(self, field: str, value: object, hint: str) -> None:
        super().__init__(f"{field}: {value!s} is not valid; {hint}")
        self.field = field
        self.value = value
        self.hint = hint


class RiskDenied(Refused):
    """A pre-trade control denied the order, or the replace: which one, its limit, what the order
    would make of it, and what would pass."""

    def __init__(self, control: str, limit: str, value: str, would_pass: str) -> None:
        super().__init__(f"{control}: {value}, and the limit is {limit}; {would_pass}")
        self.control = control
        self.limit = limit
        self.value = value
        self.would_pass = would_pass


class UnknownOrder(Refused, LookupError):
    """No order with this ClOrdID is known here."""


class DuplicateClOrdID(Refused):
    """The ClOrdID was used before; ids are never reused, not even after a cancel."""


class Halted(Refused):
    """The desk accepts no orders at present."""


class StreamTaken(Refused):
    """Another process of this machine owns the account's order stream; the message names it."""


class BrokerError(FloorbrokerError):
    """A request to the broker did not succeed; the subclass says what may be done.

    `answer` is the row of the answer table that decided it, such as `submit.no_answer`. `request`
    is what was asked, as `POST /v2/orders`, and `request_id` the broker's own name for it, where
    that is known; `time` is when a desk noted it.
    """

    kind = "unknown"
    answer = ""
    request = ""
    request_id = ""
    time: datetime | None = None

    def __init__(self, text: str, *, status: int | None = None, code: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.code = code


class BrokerRejected(BrokerError):
    """The broker answered no. Final."""

    kind = "rejected"


class BrokerUnreachable(BrokerError):
    """The request surely did not arrive. The same ClOrdID may be sent again."""

    kind = "unreachable"

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        code: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(text, status=status, code=code)
        self.retry_after_s = retry_after_s


class BrokerUnknown(BrokerError):
    """The request may have arrived. Reconcile; never resend.

    `is_refusal`: the broker did answer, with a no that has been said of requests it carried out.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        code: int | None = None,
        is_refusal: bool = False,
    ) -> None:
        super().__init__(text, status=status, code=code)
        self.is_refusal = is_refusal


class JournalError(FloorbrokerError):
    """The journal cannot be read or made durable."""


class JournalLocked(JournalError):
    """Another process writes this journal; the message names it."""


class JournalSimulated(JournalError):
    """The journal is of a simulation: it can be looked at, and no desk goes on with it."""


class JournalDamaged(JournalError):
    """The journal's records do not verify, or the file is not a journal of ours."""


class ConfigError(FloorbrokerError):
    """A setting is missing or wrong; the message says which and what would be right."""


class TapeError(ConfigError):
    """A market tape or fault file is malformed; the message names file, line and field."""


class InvalidModel(ConfigError, ValueError):
    """One number of an estimate is wrong: names the field, the value and what would be right."""

    def __init__(self, field: str, value: object, hint: str) -> None:
        super().__init__(f"{field}: {value!s} is not valid; {hint}")
        self.field = field
        self.value = value
        self.hint = hint


class TargetsError(ConfigError):
    """Targets of a portfolio cannot be meant; the message names source, line, field and value."""
