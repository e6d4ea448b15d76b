"""What runs here, in one word: the code, the settings and the limits, as a hash."""

from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from floorbroker.domain.amounts import encode_amount
from floorbroker.domain.messages import SCHEMA_VERSION

_SHOWN = 16
_PACKAGE = Path(__file__).resolve().parents[2]
#: Sets have no order, so they are given one.
_ENCODER = msgspec.json.Encoder(
    enc_hook=encode_amount, decimal_format="string", order="deterministic"
)


def identity_of(**settings: object) -> str:
    """The word for this code with these settings, which must hold no secrets."""
    told = {**settings, "code": code_hash(), "schema": SCHEMA_VERSION}
    return sha256(_ENCODER.encode(told)).hexdigest()[:_SHOWN]


@cache
def code_hash() -> str:
    """The hash of every module of the package, as it lies on the disk."""
    found = sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        found.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0")
        found.update(path.read_bytes())
    return found.hexdigest()


def build_of(settings: object, limits: object, guards: object) -> str:
    """What is armed: this code, at this address, for this account, with these limits. None of
    the settings' secrets goes into it."""
    told = {name: getattr(settings, name) for name in ("mode", "base_url", "account")}
    return identity_of(**told, limits=limits, guards=guards)
