"""What tests of commands have in common."""

from pathlib import Path

import pytest

from tests.e2e.prompt import Prompt, leave_no_settings


@pytest.fixture
def prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    """A user's terminal in an empty folder, without any settings."""
    leave_no_settings(monkeypatch, tmp_path / "home")
    return Prompt(tmp_path, capsys)
