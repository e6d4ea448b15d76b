"""Pages give each row once, whatever comes in between."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.exchange.data.pages import Place, page_of, place_of
from floorbroker.exchange.model import VenueError

#: Times of rows by symbol; several rows may share an instant.
HISTORIES = st.dictionaries(
    st.sampled_from(["AAPL", "BRK.B", "MSFT"]),
    st.lists(st.integers(0, 6), max_size=12).map(sorted),
)


def rows_of(history: dict[str, list[int]], symbol: str) -> list[tuple[int, Any]]:
    times = history.get(symbol, [])
    return [(time_ns, (symbol, place)) for place, time_ns in enumerate(times)]


def walk(history: dict[str, list[int]], limit: int, sort: str) -> list[Any]:
    query = {"limit": str(limit), "sort": sort}
    seen: list[Any] = []
    while True:
        page, token = page_of(query, sorted(history), lambda symbol: rows_of(history, symbol))
        rows = [row for part in page.values() for row in part]
        assert len(rows) <= limit
        assert all(page.values()), "a symbol without rows is left out"
        seen += rows
        if token is None:
            return seen
        assert rows, "a page that is not the last has rows"
        query["page_token"] = token


@given(HISTORIES, st.integers(1, 40), st.sampled_from(["asc", "desc"]))
def test_pages_of_any_size_give_what_one_page_gives(
    history: dict[str, list[int]], limit: int, sort: str
) -> None:
    expected: list[Any] = []
    for symbol in sorted(history):
        rows = [row for _, row in rows_of(history, symbol)]
        expected += rows if sort == "asc" else rows[::-1]
    assert walk(history, limit, sort) == expected


@given(HISTORIES, st.integers(1, 5), st.integers(0, 6), st.sampled_from(["asc", "desc"]))
def test_rows_added_between_pages_repeat_none_and_hide_none(
    history: dict[str, list[int]], limit: int, added: int, sort: str
) -> None:
    """New rows come after those of their instant, as they do on a tape."""
    query = {"limit": str(limit), "sort": sort}
    before = {
        (symbol, time_ns, history[symbol][:place].count(time_ns))
        for symbol in history
        for place, time_ns in enumerate(history[symbol])
    }
    seen: list[tuple[str, int, int]] = []
    while True:
        rows = {
            symbol: [(t, (symbol, t, times[:n].count(t))) for n, t in enumerate(times)]
            for symbol, times in history.items()
        }
        page, token = page_of(query, sorted(history), lambda symbol: rows[symbol])  # noqa: B023  (called at once)
        seen += [row for part in page.values() for row in part]
        if token is None:
            break
        query["page_token"] = token
        if len(seen) < 20:  # the market does not run away from its reader for ever
            for times in history.values():
                times.append(added)
                times.sort()
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def test_a_token_names_symbol_time_and_place() -> None:
    place = Place("BRK.B", 1_780_322_400_000_000_001, 3)
    assert place_of(place.token()) == place
    assert place_of(None) is None
    assert place_of("") is None


@pytest.mark.parametrize("token", ["nonsense", "QUFQTA==", "QUFQTHxsYXRlcnwx", "é"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(VenueError, match="invalid page_token") as caught:
        place_of(token)
    assert caught.value.http_status == 400
