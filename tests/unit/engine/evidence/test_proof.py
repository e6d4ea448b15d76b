"""Absence is proven by all of the evidence or not at all."""

import pytest

from floorbroker.engine.evidence.proof import Evidence

ENOUGH = {"since_s": 0, "absences": 5, "last_absence_s": 60, "listings": 2}


def test_all_of_it_together_is_proof() -> None:
    evidence = Evidence(**ENOUGH)
    assert evidence.is_complete(60, is_stream_ready=True)
    assert "5 look-ups" in evidence.in_words()


@pytest.mark.parametrize(
    "lacking", [{"absences": 4}, {"listings": 1}, {"last_absence_s": 59}, {"since_s": 1}]
)
def test_none_of_it_can_be_missing(lacking: dict[str, int]) -> None:
    assert not Evidence(**{**ENOUGH, **lacking}).is_complete(60, is_stream_ready=True)


def test_a_stream_with_a_gap_could_have_missed_it() -> None:
    assert not Evidence(**ENOUGH).is_complete(60, is_stream_ready=False)


def test_one_sighting_undoes_all_absences() -> None:
    evidence = Evidence(**ENOUGH)
    evidence.refuted()
    assert not evidence.is_complete(60, is_stream_ready=True)
