"""Going live as docs/live.md has it: on an exchange that a desk takes for the real thing."""

import re
from pathlib import Path

import pytest

from tests.e2e.prompt import Prompt, Told
from tests.e2e.test_cli import exchange

GUIDE = Path(__file__).parents[2] / "docs" / "live.md"
BUY = ("order", "submit", "buy", "1", "AAPL", "--id")


@pytest.fixture
def prompt(prompt: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prompt:
    monkeypatch.chdir(tmp_path)
    return prompt


def denied(told: Told, control: str) -> bool:
    return told.code == 1 and told.err.startswith(f"floorbroker: {control}: ")


def test_real_money_moves_after_the_word_the_limits_and_the_arming_and_not_before(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    with exchange(prompt, "--symbols", "AAPL,MSFT") as (url, _):
        monkeypatch.setenv("ALPACA_PAPER", "false")
        monkeypatch.setenv("APCA_API_BASE_URL", url)
        monkeypatch.setenv("APCA_API_KEY_ID", "REHEARSAL")
        monkeypatch.setenv("APCA_API_SECRET_KEY", "none")
        assert denied(prompt.type(*BUY, "a"), "P01")
        assert "disarmed" in prompt.type("doctor").out
        arm(prompt)
        assert denied(prompt.type(*BUY, "b"), "P04"), "nobody has named a symbol"
        written = re.search("```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
        assert written is not None
        (prompt.folder / "floorbroker.toml").write_text(written[1], "utf-8")
        changed = prompt.type(*BUY, "c")
        assert changed.code == 1, "other limits than those that were armed"
        assert "arm" in changed.err
        arm(prompt)
        filled = prompt.type(*BUY, "d")
        assert (filled.code, filled.err) == (0, "")
        assert denied(prompt.type(*BUY[:-1], "--json"), "P10"), "it has no key of its own"
        assert "armed by" in prompt.type("doctor").out
        assert prompt.type("arm", "--off").code == 0
        assert denied(prompt.type(*BUY, "e"), "P01")
        monkeypatch.setenv("APCA_API_KEY_ID", "SOMEBODY")
        swapped = prompt.type("positions")
        assert swapped.code != 0
        assert "these keys are for" in swapped.err
        monkeypatch.setenv("ALPACA_PAPER", "true")
        other = prompt.type("positions")
        assert other.code != 0
        assert "journal was kept for live account" in other.err


def arm(prompt: Prompt) -> None:
    """Both steps."""
    shown = prompt.type("arm")
    code = re.search(r"--code (\w{6})", shown.out)
    assert code is not None, shown
    assert prompt.type("arm", "--code", code[1]).code == 0
