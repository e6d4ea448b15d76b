"""Typed settings, read once from the environment and `.env`, passed down as plain values."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from floorbroker.brokers.alpaca.credentials import Secret
from floorbroker.domain.errors import ConfigError
from floorbroker.limits import limitfile
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import PAPER

Mode = Literal["embedded", "paper", "live"]

PAPER_URL = "https://paper-api.alpaca.markets"
LIVE_URL = "https://api.alpaca.markets"
DATA_URL = "https://data.alpaca.markets"

#: Every setting, with what it means; `.env.template` and the documentation are held against it.
SETTINGS: dict[str, str] = {
    "APCA_API_KEY_ID": "Alpaca key id; without keys the desk uses its embedded exchange",
    "APCA_API_SECRET_KEY": "Alpaca secret key",
    "ALPACA_API_KEY": "another name for APCA_API_KEY_ID",
    "ALPACA_SECRET_KEY": "another name for APCA_API_SECRET_KEY",
    "ALPACA_PAPER": "true (default); false for real money, which has to be armed as well",
    "APCA_API_BASE_URL": f"trading API; by default {PAPER_URL}, or {LIVE_URL}",
    "APCA_API_DATA_URL": f"market data API, {DATA_URL} by default, or the local exchange",
    "APCA_API_STREAM_URL": "order stream, the trading API's /stream by default",
    "APCA_DATA_STREAM_URL": "market data streams, by default those that belong to the data API",
    "FLOORBROKER_DATA_FEED": "live feed of shares: iex (default), sip, test, or off",
    "FLOORBROKER_DATA_FALLBACK": "feed to fall back to where the plan does not include it: iex",
    "FLOORBROKER_DATA_SYMBOLS": "symbols that the plan lets us follow at once, 30 by default",
    "FLOORBROKER_HOME": "folder of the journal and the embedded exchange, ~/.floorbroker",
    "FLOORBROKER_RUN": "folder that desks share on this machine, ~/.floorbroker/run",
    "FLOORBROKER_JOURNAL": "sqlite:///PATH, by default desk.sqlite in the home folder",
    "FLOORBROKER_ANCHORS": "file of the journal's anchors, the journal's name with .anchors",
    "FLOORBROKER_ANCHOR_KEY": "key that signs them, 64 hexadecimal digits; see docs/journal.md",
    "FLOORBROKER_ANCHOR_EVERY_S": "seconds between two anchors while records come, 300 by default",
    "FLOORBROKER_SLOW_MS": "an order acknowledged later than this is noted, 500 by default",
    "FLOORBROKER_DISK_MIN_MIB": "with less room for the journal trading halts; 1024, 64 in paper",
    "FLOORBROKER_DEGRADED_MS": "one acknowledged later than this is told as degraded, 1000",
    "FLOORBROKER_RESEND_UNKNOWN": "true: what was never placed is sent again, false by default",
    "FLOORBROKER_PROFILE": "limits to start from: live or paper; paper unless money is real",
    "FLOORBROKER_LIMITS": "file of limits, floorbroker.toml here or in the home folder",
    "FLOORBROKER_TAPE": "recorded market for the embedded exchange; synthetic without it",
    "FLOORBROKER_HISTORY": "files of earlier days for curves and statistics; else tape or broker",
    "FLOORBROKER_SEED": "seed of the embedded exchange's synthetic market, 7 by default",
    "FLOORBROKER_CASH": "starting cash of the embedded exchange's accounts, 100000 by default",
}

#: Settings that other parts of the design will read; refusing them beats ignoring them.
_NOT_YET = {
    "FLOORBROKER_REDIS": "publishing to Redis",
    "FLOORBROKER_API_TOKEN": "the HTTP API",
}

_OURS = ("FLOORBROKER_", "APCA_API_", "APCA_DATA_")
_FOREIGN = frozenset({"APCA_API_VERSION"})  # read by Alpaca's own SDKs


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set, checked."""

    mode: Mode
    home: Path
    journal_path: Path
    anchors: Path | None = None  #: None is beside the journal.
    anchor_key: Secret | None = None  #: None is a file in the home folder, made at first use.
    anchor_every_s: float = 300.0
    run_path: Path = Path("~/.floorbroker/run")  #: What desks of this machine share.
    key_id: Secret | None = None
    secret_key: Secret | None = None
    base_url: str = PAPER_URL
    data_url: str = DATA_URL
    stream_url: str = ""
    data_stream_url: str = ""
    data_feed: str = "iex"  #: "off" follows nothing.
    data_fallback: str = ""
    data_symbols: int = 30
    tape: Path | None = None
    history: Path | None = None
    seed: int = 7
    cash: str = "100000"
    account: str = "main"  #: How this desk names its one account.
    exchange_url: str = ""  #: An embedded exchange in another process; "" keeps it in this one.
    exchange_speed: float = 1.0
    slow_ms: int = 500
    degraded_ms: int = 1000
    disk_min_mib: int | None = None
    resend_unknown: bool = False
    limits: LimitBook = LimitBook(profile="paper", base=PAPER)

    @property
    def anchors_path(self) -> Path:
        return self.anchors or anchors_beside(self.journal_path)

    @property
    def anchor_key_path(self) -> Path:
        return self.home / "anchor.key"


def load(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    """Read the settings: the environment wins over the `.env` file.

    Raises ConfigError that names the key, what was found and what would be right.
    """
    values = _merged(os.environ if environ is None else environ, env_file or Path(".env"))
    _refuse_unknown(values)
    key_id = values.get("APCA_API_KEY_ID") or values.get("ALPACA_API_KEY")
    secret = values.get("APCA_API_SECRET_KEY") or values.get("ALPACA_SECRET_KEY")
    if bool(key_id) != bool(secret):
        missing = "APCA_API_SECRET_KEY" if key_id else "APCA_API_KEY_ID"
        raise ConfigError(f"{missing}: is missing while the other half of the key pair is set")
    mode, base_url = _where(values, has_keys=bool(key_id))
    home = Path(values.get("FLOORBROKER_HOME") or "~/.floorbroker").expanduser()
    data_url = _url(values, "APCA_API_DATA_URL", base_url if _is_loopback(base_url) else DATA_URL)
    return Settings(
        mode=mode,
        home=home,
        journal_path=_journal_path(values, home),
        anchors=_path(values, "FLOORBROKER_ANCHORS"),
        anchor_key=_anchor_key(values),
        anchor_every_s=_seconds(values, "FLOORBROKER_ANCHOR_EVERY_S", 300),
        run_path=Path(values.get("FLOORBROKER_RUN") or "~/.floorbroker/run").expanduser(),
        key_id=Secret(key_id) if key_id else None,
        secret_key=Secret(secret) if secret else None,
        base_url=base_url,
        data_url=data_url,
        stream_url=_stream_url(values, base_url),
        data_stream_url=_data_stream_url(values, data_url),
        data_feed=_one_of(values, "FLOORBROKER_DATA_FEED", ("iex", "sip", "test", "off")),
        data_fallback=_one_of(values, "FLOORBROKER_DATA_FALLBACK", ("", "iex")),
        data_symbols=_whole(values, "FLOORBROKER_DATA_SYMBOLS", 30),
        tape=_existing(values, "FLOORBROKER_TAPE"),
        history=_existing(values, "FLOORBROKER_HISTORY"),
        seed=_whole(values, "FLOORBROKER_SEED", 7),
        cash=str(_whole(values, "FLOORBROKER_CASH", 100_000)),
        slow_ms=_whole(values, "FLOORBROKER_SLOW_MS", 500),
        degraded_ms=_whole(values, "FLOORBROKER_DEGRADED_MS", 1000),
        disk_min_mib=_whole(values, "FLOORBROKER_DISK_MIN_MIB", 1024)
        if values.get("FLOORBROKER_DISK_MIN_MIB")
        else None,
        resend_unknown=_truth(values, "FLOORBROKER_RESEND_UNKNOWN", default=False),
        limits=_limits(values, home, mode),
    )


def anchors_beside(journal: Path) -> Path:
    """Where a journal's anchors are unless a setting says otherwise."""
    return journal.with_name(journal.name + ".anchors")


def _merged(environ: Mapping[str, str], env_file: Path) -> dict[str, str]:
    merged: dict[str, str] = {}
    if env_file.is_file():
        from dotenv import dotenv_values

        merged.update({key: value or "" for key, value in dotenv_values(env_file).items()})
    merged.update(environ)
    return {key: value.strip() for key, value in merged.items()}


def _refuse_unknown(values: Mapping[str, str]) -> None:
    for key in sorted(values):
        if not key.startswith(_OURS) or key in SETTINGS or key in _FOREIGN:
            continue
        if key in _NOT_YET:
            raise ConfigError(f"{key}: {_NOT_YET[key]} is not offered yet; unset it")
        near = difflib.get_close_matches(key, SETTINGS, n=1, cutoff=0.0)
        raise ConfigError(f"{key}: no such setting; did you mean {near[0]}?")


def _truth(values: Mapping[str, str], key: str, *, default: bool) -> bool:
    text = values.get(key, "").lower()
    if text in ("", "true", "1", "yes", "on"):
        return True if text else default
    if text in ("false", "0", "no", "off"):
        return False
    raise ConfigError(f"{key}: {text!r} is neither true nor false")


def _whole(values: Mapping[str, str], key: str, default: int) -> int:
    text = values.get(key, "")
    if not text:
        return default
    if not text.isdigit():
        raise ConfigError(f"{key}: {text!r} is no whole number; write one such as {default}")
    return int(text)


def _one_of(values: Mapping[str, str], key: str, known: tuple[str, ...]) -> str:
    """One of the known words; the first is the default."""
    text = values.get(key, "").lower() or known[0]
    if text not in known:
        raise ConfigError(f"{key}: {text!r} is not one of {', '.join(filter(None, known))}")
    return text


def _url(values: Mapping[str, str], key: str, default: str) -> str:
    text = values.get(key) or default
    if not text.startswith(("http://", "https://")):
        raise ConfigError(f"{key}: {text!r} must start with http:// or https://")
    if text.startswith("http://") and not _is_loopback(text):
        raise ConfigError(f"{key}: {text!r} would send keys in the clear; use https://")
    return text.rstrip("/").removesuffix("/v2")


def _where(values: Mapping[str, str], *, has_keys: bool) -> tuple[Mode, str]:
    """Whether money is real, and where orders go. The two must agree: an address alone never
    makes money real, nor does a word."""
    is_paper = _truth(values, "ALPACA_PAPER", default=True)
    url = _url(values, "APCA_API_BASE_URL", PAPER_URL if is_paper else LIVE_URL)
    if not has_keys and is_paper:
        return "embedded", url
    if not has_keys:
        raise ConfigError(
            "ALPACA_PAPER: false asks for live trading, which needs APCA_API_KEY_ID and "
            "APCA_API_SECRET_KEY; set them, or set it to true"
        )
    for key in ("APCA_API_BASE_URL", "APCA_API_STREAM_URL"):
        host = (values.get(key) or url).partition("://")[2].partition("/")[0].lower()
        if is_paper and host == LIVE_URL.removeprefix("https://"):
            raise ConfigError(
                f"{key}: {host!r} moves real money, and ALPACA_PAPER is not false; set that too, "
                f"or use {PAPER_URL}"
            )
        if not is_paper and host == PAPER_URL.removeprefix("https://"):
            raise ConfigError(
                f"{key}: {host!r} is for paper trading, and ALPACA_PAPER is false; leave it out, "
                f"or set ALPACA_PAPER to true"
            )
    return "paper" if is_paper else "live", url


def _is_loopback(url: str) -> bool:
    host = url.split("://", 1)[1].split("/", 1)[0]
    host = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
    return host in ("127.0.0.1", "localhost", "[::1]")


def _stream_url(values: Mapping[str, str], base_url: str) -> str:
    text = values.get("APCA_API_STREAM_URL")
    if not text:
        return base_url.replace("http", "ws", 1) + "/stream"
    return _socket("APCA_API_STREAM_URL", text)


def _data_stream_url(values: Mapping[str, str], data_url: str) -> str:
    """Alpaca's own have a host of their own; an exchange serves them at its one address."""
    text = values.get("APCA_DATA_STREAM_URL")
    if not text:
        scheme, _, host = data_url.partition("://")
        own_host = f"stream.{host}" if host.endswith(".alpaca.markets") else host
        return f"{scheme.replace('http', 'ws', 1)}://{own_host}"
    return _socket("APCA_DATA_STREAM_URL", text).rstrip("/")


def _socket(key: str, text: str) -> str:
    """The address of a WebSocket to which keys may be sent."""
    if not text.startswith(("ws://", "wss://")):
        raise ConfigError(f"{key}: {text!r} must start with ws:// or wss://")
    if text.startswith("ws://") and not _is_loopback(text):
        raise ConfigError(f"{key}: {text!r} would send keys in the clear; use wss://")
    return text


def _journal_path(values: Mapping[str, str], home: Path) -> Path:
    text = values.get("FLOORBROKER_JOURNAL", "")
    if not text:
        return home / "desk.sqlite"
    if text.startswith("postgresql://"):
        raise ConfigError("FLOORBROKER_JOURNAL: PostgreSQL is not offered yet; use sqlite:///PATH")
    if not text.startswith("sqlite:///") or text == "sqlite:///":
        raise ConfigError(f"FLOORBROKER_JOURNAL: {text!r} must be sqlite:///PATH")
    return Path(text.removeprefix("sqlite:///")).expanduser()


def _path(values: Mapping[str, str], key: str) -> Path | None:
    text = values.get(key)
    return Path(text).expanduser() if text else None


def _limits(values: Mapping[str, str], home: Path, mode: Mode) -> LimitBook:
    """What floorbroker.toml says on top of the profile."""
    known = ("live", "paper") if mode == "live" else ("paper", "live")
    text = _one_of(values, "FLOORBROKER_PROFILE", known)
    if mode == "live" and text != "live":
        raise ConfigError(
            "FLOORBROKER_PROFILE: 'paper' bounds nothing, and ALPACA_PAPER is false; leave it out "
            f"and change single limits in {limitfile.FILE}"
        )
    path = _path(values, "FLOORBROKER_LIMITS")
    if path is not None and not path.is_file():
        raise ConfigError(f"FLOORBROKER_LIMITS: {str(path)!r} does not exist")
    here = Path(limitfile.FILE)
    if path is None:
        path = here if here.is_file() else home / limitfile.FILE
    return limitfile.read(path, "live" if text == "live" else "paper")


def _anchor_key(values: Mapping[str, str]) -> Secret | None:
    text = values.get("FLOORBROKER_ANCHOR_KEY", "")
    if text and not re.fullmatch("[0-9a-fA-F]{64}", text, re.ASCII):
        raise ConfigError("FLOORBROKER_ANCHOR_KEY: must be 64 hexadecimal digits")
    return Secret(text) if text else None


def _seconds(values: Mapping[str, str], key: str, default: int) -> float:
    seconds = _whole(values, key, default)
    if not seconds:
        raise ConfigError(f"{key}: 0 must be 1 or more")
    return seconds


def _existing(values: Mapping[str, str], key: str) -> Path | None:
    path = _path(values, key)
    if path is not None and not path.exists():
        raise ConfigError(f"{key}: {values[key]!r} does not exist")
    return path
