"""The benchmark's rows: what each was measured against, and how it compares with its budget."""

from typing import Literal

from msgspec import Struct
from rich.table import Table


class Row(Struct, kw_only=True):
    """One measurement. `judged` is the number that floor and goal are about: the figure itself,
    or its ratio to the peer's figure of the same run."""

    what: str
    figure: float
    unit: str
    peer: str = ""
    peer_figure: float | None = None
    judged: Literal["figure", "ratio"] = "figure"
    floor: float | None = None
    goal: float | None = None
    is_less_better: bool = False

    @property
    def ratio(self) -> float | None:
        return None if not self.peer_figure else self.figure / self.peer_figure

    @property
    def verdict(self) -> str:
        value = self.ratio if self.judged == "ratio" else self.figure
        if value is None:
            return "not measured"
        if self.goal is not None and self._reaches(value, self.goal):
            return "goal"
        if self.floor is None:
            return "below goal" if self.goal is not None else "told"
        return "floor" if self._reaches(value, self.floor) else "BELOW"

    def _reaches(self, value: float, bound: float) -> bool:
        return value <= bound if self.is_less_better else value >= bound

    def as_json(self) -> dict[str, object]:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {**fields, "ratio": self.ratio, "verdict": self.verdict}


def table_of(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("peer or floor")
    for name in ("ratio", "floor", "goal"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row), style="bold red" if row.verdict == "BELOW" else "")
    return table


def _cells(row: Row) -> list[str]:
    peer = row.peer
    if row.peer_figure is not None:
        peer = f"{peer} {_number(row.peer_figure)}".strip()
    sign = "<= " if row.is_less_better else ">= "
    unit = "x" if row.judged == "ratio" else ""
    return [
        row.what,
        f"{_number(row.figure)} {row.unit}",
        peer or "-",
        "-" if row.ratio is None else f"{row.ratio:.2f}",
        *(
            "-" if bound is None else f"{sign}{_number(bound)}{unit}"
            for bound in (row.floor, row.goal)
        ),
        row.verdict,
    ]


def _number(value: float) -> str:
    """Three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
