"""Limits drawn from a seed are never exceeded by what the exchange has, whatever breaks."""

import os
from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorbroker.pretrade.risk.limits import PAPER
from tests.sim.limits import breaches, play

#: `FLOORBROKER_SEEDS=5000 pytest tests/sim/test_limits.py` looks further.
COUNT = int(os.environ.get("FLOORBROKER_SEEDS", "1000")) // 25
CHUNK = 10


@pytest.mark.proves("I10", "I11")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_no_limit_is_exceeded_by_what_the_exchange_has(first: int) -> None:
    denied = sum(play(seed)[0] for seed in range(first, first + CHUNK))
    assert denied, "no limit was met: these seeds show nothing"


def test_a_breach_is_noticed() -> None:
    order = {
        "id": "1",
        "client_order_id": "2026-06-01T14:00:00Z",  # decided then
        "symbol": "AAPL",
        "side": "buy",
        "qty": "10",
        "filled_qty": "0",
        "status": "new",
        "replaces": None,
        "limit_price": "100",
        "stop_price": None,
        "submitted_at": "2026-06-01T14:00:00Z",
    }
    fill = {"symbol": "AAPL", "side": "buy", "qty": "5", "time": "2026-06-01T14:01:00Z"}
    fill["client_order_id"] = "another"
    limits = replace(
        PAPER,
        order_qty_max=Decimal(9),
        position_qty_max=Decimal(14),
        gross_value_max=Decimal(1000),
        open_account_max=0,
        open_symbol_max=0,
        open_value_max=Decimal(500),
    )
    found = [one.split()[0] for one in breaches(limits, [order], [fill], str)]
    assert found == ["P06", "P16", "P16", "P13", "P16", "P12"]
