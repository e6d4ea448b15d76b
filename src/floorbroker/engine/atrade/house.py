"""Whether the desk itself is well: its heartbeat, its disk, its build, its alerts."""

from collections.abc import Iterable

from floorbroker.engine.atrade.breach import Breach, Then
from floorbroker.engine.atrade.settings import GuardLimits

_MIB = 1 << 20


def dead_man(beat_age_s: float | None, limits: GuardLimits) -> Breach | None:
    """A03: a desk that was opened and not closed beats at least once a minute; None is no desk."""
    if beat_age_s is None or beat_age_s <= limits.heartbeat_max_s:
        return None
    limit, value = f"{limits.heartbeat_max_s:g} s", f"no sign of the desk for {beat_age_s:.0f} s"
    return Breach(control="A03", limit=limit, value=value, then=Then.CANCEL)


def journal_health(*, free_bytes: int | None, problem: str, limits: GuardLimits) -> Breach | None:
    """A11: every append and fsync succeeds, and the disk has at least 1 GiB free. After a failed
    fsync nothing is tried again: the desk ends, and the next start recovers."""
    if problem:
        limit, value = "a journal that writes", problem
    elif free_bytes is not None and free_bytes < limits.free_bytes_min:
        limit = f"{limits.free_bytes_min // _MIB:,} MiB"
        value = f"{free_bytes // _MIB:,} MiB are free where the journal lies"
    else:
        return None
    return Breach(control="A11", limit=limit, value=value, then=Then.HALT)


def build_identity(*, armed: str, here: str, is_live: bool, limits: GuardLimits) -> Breach | None:
    """A12: code, settings, limits and schema are those that were armed."""
    if not (is_live and limits.must_match_build) or not armed or armed == here:
        return None
    return Breach(
        control="A12", limit=f"{armed}, as armed", value=f"this is {here}", then=Then.REFUSE
    )


def alerts(unheard_s: Iterable[float], limits: GuardLimits) -> Breach | None:
    """A13: an alert is acknowledged before it is a minute old, else it is told again, each minute;
    `unheard_s` are the ages of those that nobody has acknowledged, since they were last told."""
    late = [age_s for age_s in unheard_s if age_s >= limits.alert_repeat_s]
    if not late:
        return None
    limit = f"acknowledged within {limits.alert_repeat_s:g} s"
    value = f"{len(late)} alerts are not, the oldest for {max(late):.0f} s"
    return Breach(control="A13", limit=limit, value=value, then=Then.ESCALATE)
