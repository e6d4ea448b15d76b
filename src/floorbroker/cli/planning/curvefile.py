"""A volume curve from a file: a CSV of bins by the time at which they begin."""

import csv
from pathlib import Path

from floorbroker.cli.planning.typed import number, time_of
from floorbroker.domain.errors import ConfigError, InvalidModel
from floorbroker.pretrade.costs.volume import Curve

_HEADER = ["time", "volume"]


def read_curve(path: Path, close_s: int) -> Curve:
    """The curve of this file; raises ConfigError that names the file and the line.

    A bin ends where the next one begins. The last is as long as the one before it, and ends with
    the session at the latest.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(place, row) for place, row in enumerate(csv.reader(file), 1) if any(row)]
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"--curve: {path} cannot be read: {problem}") from None
    if not rows or [cell.strip().lower() for cell in rows[0][1]] != _HEADER:
        raise ConfigError(f"{path}:1: write the header time,volume, then a bin a line")
    starts: list[int] = []
    volumes: list[float] = []
    for place, row in rows[1:]:
        try:
            start, volume = _bin(row, starts)
        except InvalidModel as problem:
            raise ConfigError(f"{path}:{place}: {problem}") from None
        starts.append(start)
        volumes.append(volume)
    if not sum(volumes) > 0:
        raise ConfigError(f"{path}: the curve has no volume at all; one bin must have some")
    length = starts[-1] - starts[-2] if len(starts) > 1 else close_s - starts[-1]
    end = min(starts[-1] + length, close_s)
    if end <= starts[-1]:
        raise ConfigError(
            f"{path}:{rows[-1][0]}: the last bin begins after the close; "
            "a half day needs a curve of its own"
        )
    return Curve((*starts, end), tuple(volumes))


def _bin(row: list[str], before: list[int]) -> tuple[int, float]:
    if len(row) != len(_HEADER):
        raise InvalidModel("line", ",".join(row), "write time,volume such as 09:30,120000")
    start, volume = time_of("time", row[0].strip()), number("volume", row[1], "120000")
    if before and start <= before[-1]:
        raise InvalidModel("time", row[0], "it must be later than the line before")
    if volume < 0:
        raise InvalidModel("volume", row[1], "it must be 0 or greater")
    return start, volume
