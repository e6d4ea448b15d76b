"""One process owns an order stream; the second is told who, and nothing needs tidying up."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from floorbroker.brokers.guard.owner import StreamOwner
from floorbroker.domain.errors import ConfigError, StreamTaken

URL = "wss://paper-api.alpaca.markets/stream"


def take(path: Path) -> StreamOwner:
    started = datetime(2026, 6, 1, 14, tzinfo=UTC)
    return StreamOwner.take(path, url=URL, command="floorbroker run", started=started)


def test_the_second_owner_is_refused_and_told_who_is_the_first(tmp_path: Path) -> None:
    first = take(tmp_path / "x.stream")
    with pytest.raises(StreamTaken, match=r"process \d+ on .* \(floorbroker run\), since 2026"):
        take(tmp_path / "x.stream")
    first.release()
    first.release()
    take(tmp_path / "x.stream").release()


def test_another_key_has_another_stream(tmp_path: Path) -> None:
    first, second = take(tmp_path / "x.stream"), take(tmp_path / "y.stream")
    first.release()
    second.release()


@pytest.mark.parametrize("said", ["", "{", "[1]", '{"pid": 1}'])
def test_a_holder_that_has_not_said_who_it_is_still_holds(tmp_path: Path, said: str) -> None:
    path = tmp_path / "x.stream"
    first = take(path)
    path.write_text(said)
    with pytest.raises(StreamTaken, match="has not said who it is"):
        take(path)
    first.release()


def test_a_folder_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="FLOORBROKER_RUN"):
        take(tmp_path / "file" / "x.stream")
