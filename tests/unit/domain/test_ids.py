"""ClOrdIDs are unique, sorted by time, short, and the same for the same seed."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.ids import CL_ORD_ID_MAX, ClOrdIDMaker
from floorbroker.domain.order import OrderRequest

times = st.lists(st.integers(min_value=0, max_value=2**48), min_size=1, max_size=50)


def maker(seed: int = 7, namespace: str = "fb1a2b3c") -> ClOrdIDMaker:
    return ClOrdIDMaker(namespace, Random(seed))


def test_ids_of_one_millisecond_are_unique_and_sorted() -> None:
    ours = maker()
    made = [ours.make(1_700_000_000_000) for _ in range(10_000)]
    assert len(set(made)) == 10_000
    assert made == sorted(made)


def test_later_ids_sort_after_earlier_ones() -> None:
    ours = maker()
    made = [ours.make(now_ms) for now_ms in range(1_700_000_000_000, 1_700_000_002_000)]
    assert made == sorted(made)
    assert len(set(made)) == 2_000


def test_a_clock_that_goes_back_makes_no_earlier_id() -> None:
    ours = maker()
    first = ours.make(1_700_000_000_000)
    second = ours.make(1_600_000_000_000)
    assert second > first


@given(times)
def test_any_order_of_times_gives_sorted_unique_ids(moments: list[int]) -> None:
    ours = maker()
    made = [ours.make(now_ms) for now_ms in moments]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_the_same_seed_makes_the_same_ids() -> None:
    one, same, other = maker(1), maker(1), maker(2)
    moments = [5, 5, 6, 4, 9]
    first = [one.make(now_ms) for now_ms in moments]
    assert first == [same.make(now_ms) for now_ms in moments]
    assert first != [other.make(now_ms) for now_ms in moments]


def test_the_id_is_namespace_and_ulid() -> None:
    made = maker().make(1_469_918_176_385)  # the example of the ULID specification
    namespace, ulid = made.split("-")
    assert namespace == "fb1a2b3c"
    assert ulid.startswith("01ARYZ6S41")
    assert len(ulid) == 26
    assert set(ulid) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@given(st.integers(min_value=0, max_value=2**48 - 1), st.integers())
def test_ids_are_short_enough_for_every_broker(now_ms: int, seed: int) -> None:
    made = maker(seed, "n" * 21).make(now_ms)
    assert len(made) == CL_ORD_ID_MAX


def test_a_made_id_is_a_valid_order_id() -> None:
    made = maker().make(1_700_000_000_000)
    assert OrderRequest.market("buy", 1, "AAPL", cl_ord_id=made).cl_ord_id == made


def test_a_maker_knows_its_own() -> None:
    ours, theirs = maker(namespace="ours"), maker(namespace="our")
    assert ours.owns(ours.make(1))
    assert not ours.owns(theirs.make(1))
    assert not theirs.owns(ours.make(1))
    assert not ours.owns("ours")
    assert not ours.owns("")
