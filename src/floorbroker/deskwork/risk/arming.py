"""Allowing live trading in two steps: a code that is shown with what it allows, and typed back.

The code lies in the home folder until it is used, for five minutes at most, together with what it
was shown for. If anything of that has changed since, it allows nothing.
"""

import hmac
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from floorbroker import __version__, app
from floorbroker.clock import SystemClock
from floorbroker.config import Settings
from floorbroker.domain.amounts import Money
from floorbroker.domain.errors import JournalError, Refused
from floorbroker.engine.standing.identity import identity_of
from floorbroker.engine.standing.limits import encoded

CODE_S = 300
_FILE = "arm.code"
#: Without letters and digits that are taken for one another.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LENGTH = 6


class Arming(Struct, frozen=True, kw_only=True):
    """What is about to be armed, and the code that does it."""

    code: str
    account: str
    url: str  #: Of the broker.
    equity: Money
    version: str
    build: str  #: Of code, settings and limits; see `standing.identity`.
    limits: dict[str, str]  #: Those that bound the damage most.
    code_until: datetime


class Shown(Struct, frozen=True, kw_only=True):
    """What lies in the home folder."""

    code: str
    build: str
    limits: str
    until: datetime


_MOST = ("order_qty_max", "order_value_max", "position_equity_share_max", "gross_equity_share_max")


async def proposed(parts: app.Parts, settings: Settings) -> Arming:
    """See `Guarding.arming`."""
    _check_live(settings)
    account = (await parts.engine.cache.account(max_age_s=0)).value
    code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    until = SystemClock().now() + timedelta(seconds=CODE_S)
    book = parts.engine.switch.limits()
    shown = Shown(code=code, build=parts.engine.settings.build, limits=_limits(parts), until=until)
    _write(settings.home / _FILE, shown)
    return Arming(
        code=code,
        account=f"{parts.broker.account} {account.number}".rstrip(),
        url=settings.base_url,
        equity=account.equity,
        version=__version__,
        build=shown.build,
        limits={name: encoded(getattr(book.base, name)).strip('"') for name in _MOST},
        code_until=until,
    )


def redeemed(settings: Settings, parts: app.Parts, code: str) -> Shown:
    """What the code was shown for; it can be used once. Raises Refused."""
    _check_live(settings)
    path = settings.home / _FILE
    try:
        shown = msgspec.json.decode(path.read_bytes(), type=Shown)
        path.unlink()
    except FileNotFoundError:
        raise Refused("code: none was shown; `floorbroker arm` shows one") from None
    except (OSError, msgspec.DecodeError) as problem:
        raise Refused(f"code: {path} cannot be read ({problem}); ask for a new one") from None
    if not hmac.compare_digest(shown.code.encode(), code.strip().upper().encode()):
        raise Refused("code: another one was shown; `floorbroker arm` shows a new one")
    if SystemClock().now() >= shown.until:
        raise Refused(f"code: it was good for {CODE_S} s; `floorbroker arm` shows a new one")
    if (shown.build, shown.limits) != (parts.engine.settings.build, _limits(parts)):
        raise Refused("code: version, settings or limits have changed since it was shown")
    return shown


def _check_live(settings: Settings) -> None:
    if settings.mode != "live":
        raise Refused(f"arm: this desk is in mode {settings.mode}, which needs no arming")


def _limits(parts: app.Parts) -> str:
    return identity_of(book=parts.engine.switch.limits())


def _write(path: Path, shown: Shown) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(shown))
    except OSError as problem:
        raise JournalError(f"cannot write {path}: {problem.strerror}") from None
