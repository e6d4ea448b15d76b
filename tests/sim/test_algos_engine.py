"""On recorded days algorithms keep their bounds through the engine and the exchange, too."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from bench.recorded import CAP, recorded, request_of, through_engine

#: Off the window's VWAP by no more, for those that mean to meet it. Measured: up to 4.
TRACKING_BPS = Decimal(10)
#: Minute bars have every print in them, about a percent more than the prints compared with here.
MORE = Decimal("1.02")


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("day", [date(2013, 10, 8), date(2013, 10, 11)])
@pytest.mark.parametrize("percent", [1, 10])
@pytest.mark.parametrize("algo", ["twap", "vwap", "pov", "is"])
def test_a_parent_completes_within_limit_and_cap(
    recorded_data: Path, algo: str, percent: int, day: date
) -> None:
    of = recorded(recorded_data, "IBM", day)
    request = request_of(of, algo, percent)
    outcome = through_engine(of, algo, percent)
    filled, average, part = Decimal(outcome.filled), outcome.average_px, outcome.participation
    assert average is not None
    assert part is not None
    assert request.limit is not None
    assert average <= request.limit.decimal
    if algo == "pov":
        rate = Decimal(request.params["rate"])
        assert filled < request.qty.decimal  # twice as much was asked for
        assert rate * Decimal("0.9") < part <= rate * MORE
    else:
        assert (outcome.ord_status, filled) == ("done", request.qty.decimal)
        assert part <= CAP
    assert outcome.vwap_slippage_bps is not None
    if algo in ("vwap", "pov"):
        assert abs(outcome.vwap_slippage_bps) < TRACKING_BPS
