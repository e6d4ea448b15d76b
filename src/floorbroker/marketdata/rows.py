"""Text files of a tape, plain or inside a zip, read line by line with errors that say where."""

import io
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from floorbroker.domain.errors import TapeError

if TYPE_CHECKING:
    import polars


class Column(NamedTuple):
    """One column of a file: its name, a function that reads or refuses it, and what is right."""

    name: str
    read: Callable[[str], object]
    right: str


class TextFile(Struct, frozen=True):
    """A text file by its path, or by its name inside the zip at that path."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def file_name(self) -> str:
        return self.member.rpartition("/")[2] if self.member else self.path.name

    def lines(self) -> Iterator[str]:
        """The lines without their ends; an absent, unreadable or empty file is a TapeError."""
        is_empty = True
        with self._opened() as stream:
            try:
                for line in stream:
                    is_empty = False
                    yield line.rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise TapeError(f"{self.name} is not a text file: {error.reason}") from None
            except (zipfile.BadZipFile, EOFError, OSError) as error:
                raise TapeError(f"{self.name} cannot be read to its end: {error}") from None
        if is_empty:
            raise TapeError(f"{self.name} is empty; a tape has at least one row")

    def ends(self) -> tuple[str, str, int]:
        """The first line, the last line, and the number of lines."""
        lines = self.lines()
        first = last = next(lines)
        count = 1
        for last in lines:  # noqa: B007  (the last one is what we came for)
            count += 1
        return first, last, count

    @contextmanager
    def _opened(self) -> Iterator[IO[str]]:
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as raw:
                    yield io.TextIOWrapper(raw, "utf-8")
            else:
                with self.path.open(encoding="utf-8") as stream:
                    yield stream
        except FileNotFoundError:
            raise TapeError(f"{self.path} does not exist") from None
        except (zipfile.BadZipFile, KeyError) as error:
            raise TapeError(f"{self.path} is not a sound zip file: {error}") from None
        except OSError as error:
            raise TapeError(f"{self.path} cannot be read: {error.strerror}") from None


def zip_members(path: Path) -> list[str]:
    """Names of the files in a zip; TapeError where it is absent or no zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in archive.namelist() if not name.endswith("/")]
    except FileNotFoundError:
        raise TapeError(f"{path} does not exist") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise TapeError(f"{path} is not a sound zip file: {error}") from None


def read_frame(path: Path) -> "polars.DataFrame":
    """A Parquet file's table; TapeError where it is absent or no Parquet."""
    import polars

    with _parquet_faults(path):
        return polars.read_parquet(path)


def numbered_rows(
    frame: "polars.DataFrame", column: str, names: Collection[str]
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Its rows with their numbers from 1; where names are given, and the column holds text, only
    the rows that have one of them there. Tables of many symbols are read once for each."""
    import polars

    found = [name for name in frame.columns if name.strip().lower() == column]
    texts = (polars.String, polars.Categorical, polars.Enum)
    if not names or len(found) != 1 or not isinstance(frame.schema[found[0]], texts):
        yield from enumerate(frame.iter_rows(), 1)
        return
    chosen = polars.col(found[0]).cast(polars.String).is_in(list(names))
    numbers = (frame.select(polars.arg_where(chosen)).to_series() + 1).to_list()
    yield from zip(numbers, frame.filter(chosen).iter_rows(), strict=True)


def read_schema(path: Path) -> list[str]:
    """Names of a Parquet file's columns."""
    import polars

    with _parquet_faults(path):
        return list(polars.read_parquet_schema(path))


@contextmanager
def _parquet_faults(path: Path) -> Iterator[None]:
    import polars

    try:
        yield
    except FileNotFoundError:
        raise TapeError(f"{path} does not exist") from None
    except (polars.exceptions.PolarsError, OSError) as error:
        raise TapeError(f"{path} is not a sound Parquet file: {error}") from None


def bad_row(file: TextFile, number: int, line: str, columns: Sequence[Column]) -> TapeError:
    """Say which cell of a comma-separated line is at fault, and what would be right."""
    cells = line.split(",")
    for cell, column in zip(cells, columns, strict=False):
        try:
            column.read(cell)
        except (ValueError, ArithmeticError, LookupError):
            return TapeError(
                f"{file.name}, line {number}, {column.name}: {cell!r} found; "
                f"right is {column.right}"
            )
    names = ", ".join(column.name for column in columns)
    return TapeError(
        f"{file.name}, line {number}: {len(cells)} columns found in {line[:80]!r}; "
        f"right are {len(columns)}: {names}"
    )


def backwards(file: TextFile, number: int, found: object, before: object) -> TapeError:
    return TapeError(
        f"{file.name}, line {number}, time: {found} comes after {before} on the line before; "
        "right is a tape in time order"
    )


def whole_number(cell: str) -> int:
    """An integer of plain digits, zero or more; ValueError otherwise."""
    if not cell.isascii() or not cell.isdigit():
        raise ValueError(cell)
    return int(cell)


def positive_number(cell: str) -> int:
    number = whole_number(cell)
    if number == 0:
        raise ValueError(cell)
    return number


class PriceCells(dict[str, Decimal]):
    """Price cells in units of 1/10,000 dollar and the Decimals they mean, each made once."""

    def __missing__(self, cell: str) -> Decimal:
        px = self[cell] = Decimal(positive_number(cell)) / 10_000
        return px


class SizeCells(dict[str, Decimal]):
    """Size cells in whole shares and the Decimals they mean, each made once."""

    def __missing__(self, cell: str) -> Decimal:
        size = self[cell] = Decimal(whole_number(cell))
        return size
