"""Targets as people write them, and what is told when they cannot be meant."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pytest

from floorbroker.deskwork.portfolio.reading import read_targets, targets_of
from floorbroker.domain.errors import TargetsError
from floorbroker.pretrade.allocation.targets import Kind, Targets

HALVES = {"AAPL": Decimal("0.5"), "F": Decimal("0.25")}


def read(folder: Path, name: str, text: str) -> Targets:
    path = folder / name
    path.write_text(text, "utf-8")
    return read_targets(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "symbol,weight,comment\nAAPL,0.5,\n\n f , 25% ,cars\n"),
        ("t.csv", "\ufeffWeight,Symbol\n0.5,AAPL\n.25,F\n"),
        ("t.json", '[{"symbol": "AAPL", "weight": 0.5},\n {"symbol": "F", "weight": "25%"}]'),
        ("t.json", '{"weights": {"AAPL": "0.5", "F": 0.25}}'),
        ("t.jsonl", '{"symbol": "AAPL", "weight": 0.5}\n\n{"symbol": "F", "weight": 0.25}\n'),
    ],
)
def test_a_file_of_weights(tmp_path: Path, name: str, text: str) -> None:
    found = read(tmp_path, name, text)
    assert (found.kind, found.values) == (Kind.WEIGHT, HALVES)


@pytest.mark.parametrize("kind", [*Kind])
def test_every_kind_is_named_by_its_column(tmp_path: Path, kind: Kind) -> None:
    found = read(tmp_path, "t.csv", f"symbol,{kind}\nAAPL,3\n")
    assert (found.kind, found.values) == (kind, {"AAPL": Decimal(3)})


class Columns:
    """Columns by name, as a pandas frame has them."""

    def __init__(self, **columns: list[Any]) -> None:
        self.columns = list(columns)
        self._columns = columns

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]


@pytest.mark.parametrize("frame", [polars.DataFrame, lambda columns: Columns(**columns)])
def test_a_frame_is_read_by_its_columns(frame: Any) -> None:
    found = targets_of(frame({"symbol": ["AAPL", "F"], "weight": [0.1, 0.25]}))
    assert found.values == {"AAPL": Decimal("0.1"), "F": Decimal("0.25")}
    assert found.places == {"AAPL": "row 1", "F": "row 2"}


def test_a_mapping_and_rows_are_read_too() -> None:
    assert targets_of({"aapl": "10"}, kind="shares").values == {"AAPL": 10}
    rows = [{"symbol": "AAPL", "notional": Decimal("10.5")}]
    assert targets_of(rows).values == {"AAPL": Decimal("10.5")}
    with pytest.raises(TargetsError, match="kind: None is not valid; say what the numbers are"):
        targets_of({"AAPL": 1})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("t.csv", "symbol,wieght\nAAPL,0.5\n", "line 1: column: wieght is not valid; right are"),
        ("t.csv", "symbol,weight\nAAPL,0.5,1\n", "line 2: row: 3 cells is not valid; there are 2"),
        ("t.csv", "symbol,weight\nAAPL,nan\n", "line 2: weight: nan is not valid; write a number"),
        ("t.csv", "symbol,weight\nAAPL,\n", "line 2: AAPL: nothing is not valid; give one of"),
        ("t.csv", "symbol,weight\n,0.5\n", "line 2: symbol: nothing is not valid; name a ticker"),
        ("t.csv", "symbol,weight\nAAPL,0.1\n\naapl,0.2", "line 4: symbol: AAPL is not valid; it"),
        ("t.csv", "symbol,weight\nAAPL,0.1\naapl,0.2", "it stands in line 2, too; name each"),
        ("t.csv", "symbol,shares\nAAPL,5%\n", "line 2: shares: 5% is not valid; write a number"),
        ("t.csv", "symbol,notional\nA,$5\n", "for A, such as 2500.00"),
        ("t.json", '[{"symbol": "A",\n"weight": NaN}]', "line 1: weight: NaN is not valid; write"),
        (
            "t.json",
            '[{"symbol": "A", "weight": 1},\n7]',
            "line 2: row: 7 is not valid; each target",
        ),
        ("t.json", '[{"symbol": "A", "weight": true}]', "weight: True is not valid; write a"),
        (
            "t.json",
            '{"weight": {"A": 1,\n"A": 2}}',
            "line 2: symbol: A is not valid; it stands in",
        ),
        ("t.json", '{"weight": {"A": 1,\n"B" 2}}', "line 2: text: '2}}' is not valid; this is no"),
        ("t.json", '{"weight":\n{"A": x}}', "line 2: text: 'x}}' is not valid; this is no JSON"),
        ("t.json", '{"wieght": {"A": 1}}', "line 1: name: wieght is not valid; [{"),
        ("t.json", '{"weight": {"A": 1}}\n]', "line 2: text: ']' is not valid; this is no JSON"),
        ("t.json", '[{"symbol": "A", "weight": 1}', "text: the end is not valid; this is no JSON"),
        ("t.json", "7", "document: 7 is not valid; [{"),
        (
            "t.jsonl",
            '{"symbol": "A", "weight": 1}\n{"symbol": "B", "shares": 1}',
            "line 2: column: shares is not valid; line 1 has weight; use one of them throughout",
        ),
        ("t.xlsx", "", "targets are read from .csv, .json, .jsonl"),
    ],
)
def test_what_is_wrong_is_named_by_line_field_and_value(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    with pytest.raises(TargetsError) as refused:
        read(tmp_path, name, text)
    assert told in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path))


def test_every_wrong_line_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(TargetsError) as refused:
        read(tmp_path, "t.csv", "symbol,weight\nA,x\nB,0.5\nC,y\n")
    assert "2 things are wrong" in str(refused.value)
    assert str(tmp_path / "t.csv") in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetsError, match="cannot be read"):
        read_targets(tmp_path / "none.csv")


def test_an_empty_frame_column_is_told() -> None:
    with pytest.raises(TargetsError, match="row 2: weight: nothing is not valid"):
        targets_of(polars.DataFrame({"symbol": ["A", "B"], "weight": [0.5, None]}))
