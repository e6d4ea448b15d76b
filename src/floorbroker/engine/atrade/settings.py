"""What the at-trade controls tolerate: one named field each, and the two shipped profiles."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace


class GuardLimits(Struct, frozen=True, kw_only=True):
    """The defaults are those of the profile `live`. A share is a part of one: 0.05 is five
    percent. None leaves the question to those who ask it by hand."""

    heartbeat_max_s: float = 60.0  #: A03
    jump_share_max: Decimal = Decimal("0.05")  #: A05, of the mid within `jump_window_s`.
    jump_window_s: float = 60.0
    crossed_max_s: float = 5.0  #: A05, locked or crossed.
    stale_max_s: float = 30.0  #: A05
    sane_s: float = 60.0  #: A05: a symbol goes on once it was sane for so long.
    rejects_row_max: int = 2  #: A06: of the same reason, one after the other.
    rejects_max: int = 4  #: A06: within `rejects_window_s`.
    rejects_window_s: float = 60.0
    doubts_max: int = 1  #: A07: submits without a clear answer within `doubts_window_s`.
    doubts_window_s: float = 300.0
    ack_p95_max_s: float = 5.0  #: A07
    ack_samples_min: int = 20  #: A07: fewer say nothing.
    fill_share_max: Decimal = Decimal("0.05")  #: A09, from the price it was decided on.
    fill_surprises_pause: bool = True  #: A09: an execution too many, or of an ended order.
    skew_warn_s: float = 1.0  #: A10
    skew_max_s: float = 5.0
    skew_every_s: float | None = 60.0  #: A10: how often the broker's clock is asked.
    free_bytes_min: int = 1 << 30  #: A11
    must_match_build: bool = True  #: A12
    alert_max_s: float = 5.0  #: A13
    alert_repeat_s: float = 60.0  #: A13


_MANY = 1_000_000_000
_LONG_S = 1_000_000_000.0

#: For a market that is not real, which is broken on purpose. Every control is on.
PAPER = GuardLimits(
    jump_share_max=Decimal(_MANY),
    crossed_max_s=_LONG_S,
    stale_max_s=_LONG_S,
    rejects_row_max=_MANY,
    rejects_max=_MANY,
    doubts_max=_MANY,
    ack_p95_max_s=_LONG_S,
    fill_share_max=Decimal(_MANY),
    fill_surprises_pause=False,
    skew_max_s=_LONG_S,
    skew_every_s=None,
    free_bytes_min=64 << 20,
    must_match_build=False,
)
LIVE = GuardLimits()


def guard_limits(profile: str, *, disk_min_mib: int | None = None) -> GuardLimits:
    """Those of the profile, with another least room on the disk where one is given."""
    shipped = LIVE if profile == "live" else PAPER
    return shipped if disk_min_mib is None else replace(shipped, free_bytes_min=disk_min_mib << 20)
