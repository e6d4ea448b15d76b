"""Limits from a file: layers over a profile, and mistakes that name their line."""

from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker import config
from floorbroker.domain.errors import ConfigError
from floorbroker.limits import limitfile
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import LIVE, PAPER

GOOD = """\
[limits]
order_value_max = 25_000
collar = 0.05
allow = ["aapl", "MSFT"]
may_short = true

[limits.symbols.AAPL]
order_qty_max = 200

[limits.strategies."mean reversion"]
orders_per_min = 5

[limits.accounts.main]
allow = "all"
"""


def read(folder: Path, text: str) -> LimitBook:
    path = folder / limitfile.FILE
    path.write_text(text, "utf-8")
    return limitfile.read(path, "live")


def test_a_file_changes_single_limits_of_the_profile(tmp_path: Path) -> None:
    book = read(tmp_path, GOOD)
    assert book.base.order_value_max == 25_000
    assert book.base.collar == Decimal("0.05")
    assert book.base.allow == frozenset({"AAPL", "MSFT"})
    assert book.base.order_qty_max == LIVE.order_qty_max
    assert book.limits_for("", "", "AAPL").order_qty_max == 200
    assert book.limits_for("", "mean reversion", "F").orders_per_min == 5
    assert book.limits_for("main", "", "F").allow is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[limits]\n\norder_qty_mx = 5\n", 3, "did you mean order_qty_max?"),
        ("[limts]\norder_qty_max = 5\n", 1, "did you mean limits?"),
        ("[limits]\norder_qty_max = 'many'\n", 2, "write a number, in shares"),
        ("[limits]\norder_qty_max = nan\n", 2, "write a number, in shares"),
        ("[limits]\norder_qty_max = -1\n", 2, "0 or more"),
        ("[limits]\norders_per_s = 1.5\n", 2, "a whole number, in orders"),
        ("[limits]\nmay_short = 1\n", 2, "true or false"),
        ("[limits]\nallow = 'AAPL'\n", 2, 'a list such as ["AAPL", "MSFT"], or "all"'),
        ("[limits]\ncollar = 1\n[limits.symbols.F]\ncolar = 1\n", 4, "did you mean collar?"),
        ("[limits.symbol.F]\ncollar = 1\n", 1, "did you mean symbols?"),
    ],
)
def test_a_mistake_names_its_line_and_what_would_be_right(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert f"{limitfile.FILE}:{line}: " in str(caught.value)
    assert words in str(caught.value)


def test_what_is_no_toml_says_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 1"):
        read(tmp_path, "limits = = 1\n")


def test_settings_take_the_file_of_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / limitfile.FILE).write_text("[limits]\norder_qty_max = 7\n", "utf-8")
    environ = {"FLOORBROKER_HOME": str(tmp_path)}
    found = config.load(environ, tmp_path / "none").limits
    assert found.profile == "paper"
    assert found.base.order_qty_max == 7
    environ["FLOORBROKER_PROFILE"] = "live"
    assert config.load(environ, tmp_path / "none").limits.base.order_value_max == 10_000
    environ["FLOORBROKER_LIMITS"] = str(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="FLOORBROKER_LIMITS"):
        config.load(environ, tmp_path / "none")


def test_without_a_file_the_profile_holds(tmp_path: Path) -> None:
    assert limitfile.read(tmp_path / "none.toml", "paper").base == PAPER
