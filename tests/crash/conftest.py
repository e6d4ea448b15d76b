"""An exchange for the tests that kill desks."""

import subprocess
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """`floorbroker exchange` on a free port, its time standing still."""
    words = ("exchange", "--quiet", "--speed", "0", "--port", "0", "--symbols", "AAPL")
    with subprocess.Popen(
        (sys.executable, "-m", "floorbroker", *words), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
