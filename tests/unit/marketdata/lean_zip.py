"""Writes small LEAN zips."""

import zipfile
from pathlib import Path


def write_lean(folder: Path, part: str, lines: list[str], *, kind: str = "tick") -> Path:
    """A zip of one symbol's trades or quotes on 2013-10-08, named after the folder."""
    path = folder / f"20131008_{part}.zip"
    symbol = folder.name
    member = f"20131008_{symbol}_{part.title()}_Tick.csv"
    if kind != "tick":
        member = f"20131008_{symbol}_{kind}_{part}.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "\n".join(lines))
    return path
