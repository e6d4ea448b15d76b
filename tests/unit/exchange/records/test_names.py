"""Names that were put in are known; of others hardly one is taken for such."""

from floorbroker.exchange.records.names import Names


def test_a_name_is_new_once() -> None:
    names = Names()
    put_in = [f"desk-{number}" for number in range(100_000)]
    taken = sum(names.take(name) for name in put_in)
    assert taken > 99_990
    assert all(names.may_hold(name) for name in put_in)
    assert not any(names.take(name) for name in put_in)


def test_most_names_that_were_never_put_in_are_told_from_those_that_were() -> None:
    names = Names()
    for number in range(100_000):
        names.take(f"desk-{number}")
    mistaken = sum(names.may_hold(f"other-{number}") for number in range(100_000))
    assert mistaken < 30
