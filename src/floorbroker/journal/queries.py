"""SQL lives in .sql files: named statements, each with a comment that says what it is for."""

from functools import cache
from importlib.resources import files

_FOLDER = "sql"
_NAME = "-- name: "


@cache
def script(file_name: str) -> str:
    """A whole .sql file, to be run as one script."""
    return (files("floorbroker.journal") / _FOLDER / file_name).read_text(encoding="utf-8")


def named(file_name: str) -> dict[str, str]:
    """The statements of a .sql file by their names, comments stripped."""
    statements: dict[str, str] = {}
    for part in script(file_name).split(_NAME)[1:]:
        name, _, rest = part.partition("\n")
        lines = rest.splitlines()
        comment = [line for line in lines if line.startswith("--")]
        assert comment, f"{file_name}: {name} needs a comment that says what it is for"
        assert name not in statements, f"{file_name}: {name} is there twice"
        body = "\n".join(line for line in lines if not line.startswith("--"))
        statements[name.strip()] = body.strip().removesuffix(";")
    return statements
