"""The parts that act for one state, put together."""

from floorbroker.brokers.port import Broker
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import OrdStatus
from floorbroker.engine.compare.reconciler import Reconciler
from floorbroker.engine.decide import Record, Release, Rules
from floorbroker.engine.evidence.link import Link
from floorbroker.engine.evidence.pulse import Pulse
from floorbroker.engine.evidence.resolve import Resolver
from floorbroker.engine.evidence.survey import Surveyor
from floorbroker.engine.evidence.timekeeper import Timekeeper
from floorbroker.engine.evidence.window import Window
from floorbroker.engine.halting.enforcer import Enforcer
from floorbroker.engine.inbox import Inbox
from floorbroker.engine.outbox import Hands, Outbox, Pacer
from floorbroker.engine.parents.door import Parents
from floorbroker.engine.settings import EngineHealth, Means
from floorbroker.engine.state import State
from floorbroker.engine.views import Finder, Views
from floorbroker.engine.writer import Writer
from floorbroker.execution.catalog import Catalog
from floorbroker.telemetry import log


class Crew:
    """Everybody who works on one state, from the replay to the end of the process.

    `is_open`: whether new orders are taken as soon as the order stream is whole.
    """

    def __init__(
        self, state: State, means: Means, inbox: Inbox, views: Views, *, catalog: Catalog
    ) -> None:
        self.writer: Writer
        self.state = state
        self.is_open = False
        self.finder = Finder(views, inbox.journal)
        self.window = Window(state, views, self.finder, inbox)
        self.resolver = self.window.resolver = Resolver(means, self.window)
        self.surveyor = Surveyor(means, self.window)
        self.reconciler = Reconciler(means, self.window, self.surveyor)
        self.enforcer = Enforcer(means, self.surveyor, state, inbox)
        self.pulse = Pulse(means.clock, means.settings.pause_max_s, self._stood_still)
        inbox.on_turn = self.pulse.beat
        self.outbox = Outbox(means, deliver=inbox.post, on_defect=inbox.fail, pulse=self.pulse)
        self.link = self.window.link = Link(
            means, state, deliver=inbox.post, on_change=self._link_changed
        )
        speed = means.settings.speed
        self.timekeeper = Timekeeper(means.clock, state.timers, inbox.post, speed=speed)
        self.parents = Parents(means, inbox, state, catalog)
        self._means = means
        self._views = views
        self._inbox = inbox

    def staff(self, rules: Rules, pacer: Pacer, namespace: str) -> None:
        """Add the one who decides, with everybody else at hand."""
        self.outbox.give_back = pacer.give_back
        pacer.on_capacity = lambda: self._inbox.post(Release())
        hands = Hands(
            outbox=self.outbox,
            resolver=self.resolver,
            pacer=pacer,
            finder=self.finder,
            timer_changed=self.timekeeper.changed,
            switched=self.enforcer.changed,
            times=self._means.times,
            reopen=self._inbox.journal.reopen,
        )
        self.writer = Writer(self.state, rules, self._views, hands, namespace=namespace)
        steward = self.parents.steward(self.writer, rules)
        steward.wire(hands.timer_changed, hands.switched)
        self.timekeeper.wakes = self.parents.board.wakes
        self.writer.employ(steward)

    @property
    def takes_orders(self) -> bool:
        """Whether a new order may leave now."""
        return self.is_open and self.link.is_whole and not self.state.strangers

    def _link_changed(self) -> None:
        """What the stream did not tell may have changed everything."""
        self._means.cache.forget()
        if self.is_open:
            text = self._means.broker.stream.health().text
            log.warn("stream_recovered" if self.link.is_whole else "stream_lost", text=text)
        self._inbox.post(Release(is_open=self.takes_orders))

    def _stood_still(self, gap_s: float) -> None:
        """Nothing may be decided on a book that old, not even what waits already."""
        self.writer.is_open = False
        self.link.doubt()
        text = f"this desk stood still for {gap_s:.0f} s; it asks how everything stands"
        told = Alarm(name="stood_still", text=text, transact_time=self._means.clock.now())
        self._inbox.post(Record((told,)))

    async def aclose(self) -> None:
        await self.resolver.aclose()
        await self.outbox.aclose()


def looked_at(crew: Crew | None, views: Views, broker: Broker, inbox: Inbox) -> EngineHealth:
    """The engine at a glance; without a crew it is closed."""
    orders = views.orders.values()
    compared = None if crew is None else crew.state.reconciliation
    external = sum(one.is_external for one in orders)
    return EngineHealth(
        is_open=crew is not None and crew.takes_orders,
        stream=broker.stream.health(),
        open_orders=len(orders) - external,
        unknown_orders=sum(one.venue_status is OrdStatus.UNKNOWN for one in orders),
        external_orders=external,
        open_breaks=0 if compared is None else len(compared.open_breaks),
        alarms=0 if crew is None else crew.state.alarms,
        inbox=len(inbox),
        questions=0 if crew is None else crew.resolver.open_questions,
        seq=inbox.head.seq,
        kill=None if crew is None else crew.state.kill,
    )
