"""The planted bugs fit the sources as they are, and the hunt finds one."""

import ast

import pytest

from floorbroker.deskwork.risk.controls import register
from tests.mutants.__main__ import look_for
from tests.mutants.mutant import Mutant, check
from tests.mutants.planted import MUTANTS


def test_forty_bugs_or_more_are_planted_each_under_its_own_name() -> None:
    names = {mutant.name for mutant in MUTANTS}
    assert len(names) == len(MUTANTS) >= 40


def test_each_of_the_fifty_one_controls_has_a_bug_planted_in_it() -> None:
    planted = {mutant.name.partition(":")[0] for mutant in MUTANTS}
    assert {control.id for control in register()} <= planted


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_changes_the_module_that_it_names(mutant: Mutant) -> None:
    assert mutant.before != mutant.after
    ast.parse(check(mutant))


def test_the_hunt_finds_a_sale_that_adds_to_the_position() -> None:
    (mutant,) = (each for each in MUTANTS if each.name == "a sale adds to the position")
    found = look_for(mutant, 5)
    assert found.seeds is not None, found.by
    assert found.seeds <= 5


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_planted_bug_is_found() -> None:
    holes = [mutant.name for mutant in MUTANTS if not look_for(mutant, 400).by]
    assert not holes, f"nobody notices: {holes}"
