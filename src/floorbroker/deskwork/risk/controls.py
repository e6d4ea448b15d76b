"""The register of all fifty-one controls: those before the trade, at it and after it."""

from floorbroker.engine.atrade.register import GUARDS, Entry
from floorbroker.posttrade.surveillance.register import CHECKS
from floorbroker.pretrade.risk.limits import ABOUT, LIVE
from floorbroker.pretrade.risk.register import CONTROLS


def register() -> tuple[Entry, ...]:
    """P01 to P31, A01 to A13, T01 to T07; `default` is the profile `live`'s."""
    before = [
        Entry(
            id=control.id,
            name=control.name,
            definition=(control.check.__doc__ or "").removeprefix(f"{control.id}: "),
            default=defaults_of(control.id),
            on_breach="deny",
            why=control.why,
        )
        for control in CONTROLS
    ]
    return (*before, *GUARDS, *CHECKS)


def defaults_of(control: str) -> str:
    """The limits of this control, as the profile `live` ships them."""
    told = []
    for name, about in ABOUT.items():
        if about.control == control:
            value = getattr(LIVE, name)
            plain = ", ".join(sorted(value)) or "none" if isinstance(value, frozenset) else value
            told.append(f"{name} {plain}")
    return "; ".join(told) or "on"
