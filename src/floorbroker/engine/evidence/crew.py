"""The parts that act for one state, put together."""

from floorbroker.engine.compare.reconciler import Reconciler
from floorbroker.engine.decide import Release, Rules
from floorbroker.engine.evidence.link import Link
from floorbroker.engine.evidence.resolve import Resolver
from floorbroker.engine.evidence.survey import Surveyor
from floorbroker.engine.evidence.timekeeper import Timekeeper
from floorbroker.engine.evidence.window import Window
from floorbroker.engine.inbox import Inbox
from floorbroker.engine.outbox import Hands, Outbox, Pacer
from floorbroker.engine.settings import Means
from floorbroker.engine.state import State
from floorbroker.engine.views import Finder, Views
from floorbroker.engine.writer import Writer


class Crew:
    """Everybody who works on one state, from the replay to the end of the process.

    `is_open`: whether new orders are taken as soon as the order stream is whole.
    """

    def __init__(self, state: State, means: Means, inbox: Inbox, views: Views) -> None:
        self.writer: Writer
        self.state = state
        self.is_open = False
        self.finder = Finder(views, inbox.journal)
        self.window = Window(state, views, self.finder, inbox)
        self.resolver = self.window.resolver = Resolver(means, self.window)
        self.surveyor = Surveyor(means, self.window)
        self.reconciler = Reconciler(means, self.window, self.surveyor)
        self.outbox = Outbox(means, deliver=inbox.post, on_defect=inbox.fail)
        self.link = self.window.link = Link(
            means, state, deliver=inbox.post, on_change=self._link_changed
        )
        self.timekeeper = Timekeeper(means.clock, state.timers, inbox.post)
        self._cache = means.cache
        self._views = views
        self._inbox = inbox

    def staff(self, rules: Rules, pacer: Pacer, namespace: str) -> None:
        """Add the one who decides, with everybody else at hand."""
        pacer.on_capacity = lambda: self._inbox.post(Release())
        hands = Hands(
            outbox=self.outbox,
            resolver=self.resolver,
            pacer=pacer,
            finder=self.finder,
            timer_changed=self.timekeeper.changed,
            reopen=self._inbox.journal.reopen,
        )
        self.writer = Writer(self.state, rules, self._views, hands, namespace=namespace)

    def _link_changed(self) -> None:
        """What the stream did not tell may have changed everything."""
        self._cache.forget()
        self._inbox.post(Release(is_open=self.is_open and self.link.is_whole))

    async def aclose(self) -> None:
        await self.resolver.aclose()
        await self.outbox.aclose()
