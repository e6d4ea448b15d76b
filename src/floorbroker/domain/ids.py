"""One type for each identifier, and the one maker of ClOrdIDs."""

from random import Random
from typing import NewType

ClOrdID = NewType("ClOrdID", str)
OrderID = NewType("OrderID", str)
ExecID = NewType("ExecID", str)
Account = NewType("Account", str)

#: Alpaca takes 128 characters; older accounts took 48, and the strictest wins.
CL_ORD_ID_MAX = 48

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class ClOrdIDMaker:
    """Makes `<namespace>-<ULID>` ids: unique for ever, sorted by time, the namespace is ours.

    Two ids of one millisecond still sort in the order they were made (the random part counts on).
    """

    def __init__(self, namespace: str, random: Random) -> None:
        self.namespace = namespace
        self._random = random
        self._last_ms = -1
        self._tail = 0

    def make(self, now_ms: int) -> ClOrdID:
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            self._tail = self._random.getrandbits(79)
        else:
            self._tail += 1
        return ClOrdID(f"{self.namespace}-{_base32(self._last_ms, 10)}{_base32(self._tail, 16)}")

    def owns(self, cl_ord_id: str) -> bool:
        """Whether the id carries this installation's namespace."""
        return cl_ord_id.startswith(f"{self.namespace}-")


def _base32(number: int, width: int) -> str:
    digits = [""] * width
    for place in range(width - 1, -1, -1):
        number, digit = divmod(number, 32)
        digits[place] = _CROCKFORD[digit]
    return "".join(digits)
