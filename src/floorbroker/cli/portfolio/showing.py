"""A rebalance as it is told of: its plan, shown and asked about, and what came of a rehearsal."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.cli.portfolio.working import Standing
    from floorbroker.deskwork.portfolio.outlook import Outlook
    from floorbroker.deskwork.portfolio.rebalance import Rebalance
    from floorbroker.simulation.rehearsal import Played
    from floorbroker.venues import MarketPlan


@dataclass(frozen=True)
class Planned:
    """A plan, what it is expected to come to, and whose money it is."""

    plan: "Rebalance"
    ahead: "Outlook"
    mode: str

    @property
    def trades(self) -> int:
        return len(self.plan.trade_list.trades)


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal at its end, and the folder where its journal and report are."""

    made: Planned
    played: "Played"
    standings: "Sequence[Standing]"
    market: "MarketPlan"
    algo: str
    out: Path

    @property
    def is_good(self) -> bool:
        """Whether every name is where the plan leads, and nothing is left unexplained."""
        return self.played.outcome.is_done and self.played.is_sound


def show_plan(made: Planned) -> None:
    from floorbroker.cli.portfolio.sheets import plan_view
    from floorbroker.cli.sheet import show

    show(plan_view(made.plan, made.ahead, made.mode))
    sys.stdout.flush()


def ask_first(made: Planned) -> None:
    """Raises ConfigError unless whoever typed it means it."""
    from floorbroker.posttrade.wording import counted, money_text

    trades = made.plan.trade_list.trades
    worth = money_text(sum((trade.value for trade in trades), Decimal(0)))
    orders = counted(len(trades), "order")
    sys.stderr.write(f"Send {orders} worth {worth} ({made.mode.upper()})? Type yes to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != "yes":
        raise ConfigError("yes was not typed; nothing was sent")
