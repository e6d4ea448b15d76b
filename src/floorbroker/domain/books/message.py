"""What every journaled message is."""

from datetime import datetime

from msgspec import Struct


class Message(
    Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True, gc=False
):
    """Base of everything journaled; `transact_time` is when we learned or decided it (UTC).

    Like orders and positions, messages are frozen and cannot refer to themselves, so the garbage
    collector need not look through them (`gc=False`).
    """

    transact_time: datetime
