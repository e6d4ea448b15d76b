"""An order that ended by the books alone shows a stream that has stopped telling."""

from msgspec.structs import replace

from floorbroker.brokers.guard.canary import Canary
from floorbroker.domain.ids import OrderID
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import OrdStatus
from tests.unit.brokers.alpaca.test_stream import execution

GRACE_S = 5.0


def report(status: OrdStatus, name: str = "o-1") -> ExecutionReport:
    return replace(execution("e-1", "1"), order_id=OrderID(name), ord_status=status)


def connected() -> Canary:
    canary = Canary()
    canary.connected(100.0)
    return canary


def test_an_end_that_is_not_told_within_the_grace_is_untold() -> None:
    canary = connected()
    canary.told(report(OrdStatus.NEW))
    assert canary.listed(report(OrdStatus.CANCELED), 110.0)
    assert canary.untold(114.0, GRACE_S) is None
    assert canary.untold(115.0, GRACE_S) == "o-1"


def test_an_end_that_is_told_late_or_early_is_told() -> None:
    canary = connected()
    canary.told(report(OrdStatus.NEW))
    assert canary.listed(report(OrdStatus.FILLED), 110.0)
    canary.told(report(OrdStatus.FILLED))
    assert not canary.is_uneasy
    canary.told(report(OrdStatus.NEW, "o-2"))
    canary.told(report(OrdStatus.FILLED, "o-2"))
    assert not canary.listed(report(OrdStatus.FILLED, "o-2"), 110.0)


def test_orders_that_were_not_seen_to_work_prove_nothing() -> None:
    canary = connected()
    assert not canary.listed(report(OrdStatus.FILLED, "never-seen"), 130.0)
    canary.listed(report(OrdStatus.HELD, "leg"), 130.0)
    assert not canary.listed(report(OrdStatus.CANCELED, "leg"), 131.0)
    canary.listed(report(OrdStatus.NEW, "asked-before"), 101.0)  # the question is older than we
    assert not canary.listed(report(OrdStatus.CANCELED, "asked-before"), 131.0)
    canary.listed(report(OrdStatus.NEW, "working"), 130.0)
    assert canary.listed(report(OrdStatus.CANCELED, "working"), 131.0)


def test_what_was_before_a_connection_says_nothing_of_it() -> None:
    canary = connected()
    canary.told(report(OrdStatus.NEW))
    canary.listed(report(OrdStatus.CANCELED), 110.0)
    canary.connected(111.0)
    assert canary.untold(1000.0, GRACE_S) is None
    assert not canary.listed(report(OrdStatus.CANCELED), 120.0)


def test_what_is_kept_in_mind_is_bounded() -> None:
    canary = connected()
    for number in range(10_000):
        canary.told(report(OrdStatus.NEW, f"o-{number}"))
        canary.told(report(OrdStatus.FILLED, f"o-{number}"))
    assert len(canary._working) <= 4096
    assert len(canary._ends_told) <= 4096
