"""A new user without keys asks for what needs earlier days: the synthetic market has them."""

import re

from floorbroker.exchange.store import ExchangeStore
from tests.e2e.prompt import Prompt

SOURCE = "minute bars of the synthetic market, seed 7, 20 days to 2026-05-29 19:59 UTC, 2 days ago"
MADE_UP = "synthetic market, which is made up: they say nothing of the real AAPL"
ORDER = "--side buy --qty 5000 --symbol AAPL"


def test_a_plan_needs_no_options_and_says_whose_figures_it_has(prompt: Prompt) -> None:
    for words in ("vwap", "is", "twap", "pov --rate 10%"):
        told = prompt.type("plan", *f"{words} {ORDER}".split())
        assert (told.code, told.err) == (0, ""), words
        assert MADE_UP in told.out
    found = prompt.type("plan", "vwap", *ORDER.split(), "--json").document()
    parameters = found["parameters"]
    for name in ("adv", "daily_vol"):
        assert parameters[name]["source"] == SOURCE
    assert parameters["curve"] == {
        "value": "26 bins",
        "unit": "volume by time",
        "source": f"mean of {SOURCE}",
    }
    assert 1e6 < parameters["adv"]["value"] < 1.5e6
    assert 0.008 < parameters["daily_vol"]["value"] < 0.025
    shares = [part["shares"] for part in found["schedule"]]
    assert sum(shares) == 5000
    assert shares[0] > 2 * shares[12] < 2 * shares[-1]
    assert not prompt.home.exists(), "a plan opens no desk"


def test_a_curve_is_told_beside_a_desk_at_work(prompt: Prompt) -> None:
    assert prompt.type("quote", "AAPL").code == 0
    store = ExchangeStore(prompt.home / "exchange.sqlite")  # as a desk at work has it open
    told = prompt.type("curve", "aapl")
    store.close()
    assert (told.code, told.err) == (0, "")
    assert "AAPL  mean of 20 days, from minute bars of the synthetic market, seed 7" in told.out
    assert MADE_UP in told.out
    assert re.search(r"^09:30 +1\d\.\d\d%  #{40}$", told.out, re.MULTILINE)


def test_what_the_synthetic_market_lacks_is_told_with_what_it_has(prompt: Prompt) -> None:
    told = prompt.type("curve", "IBM")
    assert told.code == 2
    assert "synthetic market, seed 7: none of IBM; it has AAPL, MSFT" in told.err
    told = prompt.type("plan", "vwap", *ORDER.split(), "--date", "2026-11-27")
    assert told.code == 2
    assert "none of AAPL in the 40 days before 2026-11-27" in told.err


def test_files_that_somebody_names_are_not_mixed_with_days_that_are_made_up(
    prompt: Prompt,
) -> None:
    (prompt.folder / "bars.csv").write_text(
        "symbol,timestamp,open,high,low,close,volume\n"
        "IBM,2026-05-29T10:01:00-04:00,187,187,187,187,400\n"
    )
    history = f"{prompt.folder / 'bars.csv'}"
    told = prompt.type("plan", "twap", *ORDER.split(), "--history", history)
    assert told.code == 2
    assert "bars.csv" in told.err
    assert "synthetic" not in told.err


def test_a_vwap_order_is_worked_to_its_end(prompt: Prompt) -> None:
    work = ("--algo", "vwap", "--end", "20s", "--json")
    told = prompt.type("order", "submit", "buy", "50", "AAPL", *work)
    assert (told.code, told.err) == (0, "")
    found = told.document()
    assert (found["state"], found["filled"]) == ("done", "50")
