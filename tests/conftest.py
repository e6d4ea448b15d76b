"""Fixtures that every test may use."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

#: Every run tries the same examples, so that a test does not fail for what somebody else changed;
#: the soak tests ask for other examples every time. Machines differ too much for deadlines.
settings.register_profile("floorbroker", derandomize=True, deadline=None)
settings.load_profile("floorbroker")

#: A shell's background job ignores SIGINT, and so would the commands that tests end with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded market days; skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("RECORDED_MARKET_DATA", default))
    if not (folder / "lobster").is_dir():
        pytest.skip(f"recorded market data is not here ({folder}); set RECORDED_MARKET_DATA")
    return folder
