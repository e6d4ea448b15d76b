"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded market days; skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("RECORDED_MARKET_DATA", default))
    if not (folder / "lobster").is_dir():
        pytest.skip(f"recorded market data is not here ({folder}); set RECORDED_MARKET_DATA")
    return folder
