"""A rebalance is looked at before it asks: what it costs, and what a control would refuse."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.prompt import Prompt


@pytest.fixture
def prompt(prompt: Prompt, tmp_path: Path) -> Prompt:
    (tmp_path / "w.csv").write_text("symbol,weight\nAAPL,30%\nMSFT,20%\n", "utf-8")
    return prompt


def test_a_trade_that_a_control_would_refuse_is_named_with_its_control(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = prompt.folder / "limits.toml"
    limits.write_text("[limits]\norder_value_max = 25_000\n", "utf-8")
    monkeypatch.setenv("FLOORBROKER_LIMITS", f"{limits}")
    told = prompt.type("rebalance", f"{prompt.folder / 'w.csv'}", "--dry-run")
    (line,) = [line for line in told.out.splitlines() if "would be refused" in line]
    assert line.startswith("would be refused: BUY 160 AAPL: P07 largest value: ")
    assert "the limit is " in line
    assert "25,000" in line
    found = prompt.type("rebalance", f"{prompt.folder / 'w.csv'}", "--dry-run", "--json")
    denials = {one["symbol"]: one["denials"] for one in found.document()["plan"]["trades"]}
    assert [denials["MSFT"], len(denials["AAPL"])] == [[], 1]
    assert prompt.orders_in_journal() == []


def test_buys_that_wait_for_the_cash_of_sells_are_not_told_as_refused(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = prompt.folder / "limits.toml"
    limits.write_text("[limits]\nbuying_power_share_max = 0.2\n", "utf-8")
    monkeypatch.setenv("FLOORBROKER_LIMITS", f"{limits}")
    assert prompt.type("rebalance", f"{prompt.folder / 'w.csv'}", "--yes").code == 0
    swap = prompt.folder / "s.csv"
    swap.write_text("symbol,weight\nAAPL,0\nMSFT,0\nINTC,95%\n", "utf-8")
    told = prompt.type("rebalance", f"{swap}", "--dry-run", "--json").document()["plan"]
    assert {one["phase"] for one in told["trades"]} == {1, 2}
    assert [one["denials"] for one in told["trades"]] == [[], [], []]


def test_the_impact_is_told_where_volume_and_volatility_are_known(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    for day, px in ((27, 185), (28, 189), (29, 187)):
        for minute in (30, 31):
            at = f"2026-05-{day}T09:{minute}:00-04:00"
            rows.append(f"AAPL,{at},{px},{px},{px},{px},1000000")
    history = prompt.folder / "bars.csv"
    history.write_text("\n".join(rows) + "\n", "utf-8")
    monkeypatch.setenv("FLOORBROKER_HISTORY", f"{history}")
    file = f"{prompt.folder / 'w.csv'}"
    told = prompt.type("rebalance", file, "--dry-run").out
    assert "by the square root law\nvolume and volatility of bars, of 2026-05-29 or later" in told
    assert "impact not known of 1 trade: no earlier day of MSFT is known" in told
    plan = prompt.type("rebalance", file, "--dry-run", "--json").document()["plan"]
    apple, microsoft = plan["trades"]
    assert (apple["adv"], apple["stats_source"]) == ("2000000", "bars")
    # 160 of 2,000,000 shares at 2.26 % a day: 2.02 bps of 30,037.60 dollars.
    assert Decimal(plan["impact_cost"]) == Decimal(apple["impact_cost"])
    assert abs(Decimal(apple["impact_cost"]) - Decimal("6.07")) < Decimal("0.3")
    assert (microsoft["impact_cost"], microsoft["adv"]) == (None, None)
