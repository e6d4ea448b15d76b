"""The desk of the demonstration, a process of its own so that it can be killed.

It works the basket and tells what happens as JSON lines on standard output. Started again after a
kill, it opens the same journal, learns from it which steps are done, and goes on.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from floorbroker import app
from floorbroker.clock import NS_PER_S, MarketClock, ns_of
from floorbroker.config import Settings
from floorbroker.demo.basket import Step, basket, near, request_of
from floorbroker.desk import Desk
from floorbroker.domain.errors import BrokerError, Halted, Refused
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, TimeInForce
from floorbroker.publish.views import to_json

Result = TypeVar("Result")

#: Answers can be lost on purpose, so a question is asked more than once.
ASK_TIMES = 8
SETTLE_S = 20.0
#: Prices for the positions are asked for this often.
MARKS_S = 0.4
#: How an order stands that can be replaced or canceled.
_CHANGEABLE = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})
#: Exit code of a worker whose supervisor has gone.
ORPHANED = 71


class Job(Struct, frozen=True, kw_only=True):
    """What one run of the worker needs to know."""

    home: str
    exchange_url: str
    speed: float
    open_ns: int
    close_ns: int
    symbols: tuple[str, ...]
    run_id: str


async def work(job: Job) -> None:
    """Work the basket from wherever the journal says it stands, to the end of the day."""
    async with Desk.open(settings_of(job)) as desk:
        teller = asyncio.create_task(_tell_updates(desk))
        known = await desk.get_all_orders()
        tell("opened", recovery=desk.recovery, epoch=desk.epoch, orders=known)
        marker = asyncio.create_task(_tell_marks(desk))
        guard = asyncio.create_task(_die_with_the_engine(desk))
        for step in basket(job.symbols):
            await _until(desk, job, job.open_ns + step.minute * 60 * NS_PER_S)
            await _do(desk, job, step)
        await _until(desk, job, job.close_ns + 90 * NS_PER_S)
        await _refuse_on_purpose(desk, job)
        await _end_all(desk)
        reconciliation = await _reconciled(desk)
        account = await _asked(desk, desk.get_account)
        tell("finished", reconciliation=reconciliation, account=account)
        for task in (teller, marker, guard):
            task.cancel()


def settings_of(job: Job) -> Settings:
    home = Path(job.home)
    return Settings(
        mode="embedded",
        home=home,
        journal_path=home / "desk.sqlite",
        exchange_url=job.exchange_url,
        exchange_speed=job.speed,
    )


def cl_ord_id_of(job: Job, step: Step) -> str:
    """The step's order id: fixed, so that a restart knows what it did before."""
    return f"demo-{job.run_id}-{step.number:02d}"


def tell(kind: str, **facts: Any) -> None:
    """One JSON line for the supervisor; without one there is nothing left to do."""
    try:
        sys.stdout.write(to_json({"kind": kind, **facts}) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(ORPHANED)


async def _until(desk: Desk, job: Job, time_ns: int) -> None:
    """Wait for this market time, as the exchange has it, which is slower on a busy machine."""
    tell("waiting", until_ns=time_ns)
    while True:
        phase = await _asked(desk, partial(desk.get_market_phase, max_age_s=0))
        now_ns = ns_of(phase.broker_time)
        if isinstance(desk.clock, MarketClock):
            desk.clock.set(now_ns)
        if now_ns >= time_ns:
            return
        await desk.clock.sleep((time_ns - now_ns) / NS_PER_S / job.speed)


async def _do(desk: Desk, job: Job, step: Step) -> None:
    try:
        if step.action == "place":
            await _place(desk, job, step)
        else:
            await _change(desk, job, step)
    except Refused as no:
        tell("refused", step=step.number, symbol=step.symbol, says=step.says, text=str(no))
    except BrokerError as problem:
        tell("trouble", step=step.number, symbol=step.symbol, says=step.says, text=problem.text)


async def _place(desk: Desk, job: Job, step: Step) -> None:
    cl_ord_id = cl_ord_id_of(job, step)
    if await _known(desk, cl_ord_id) is not None or _is_too_late(desk, job, step):
        return
    mid = Decimal(0)
    if step.limit_bps is not None or step.stop_bps is not None or step.trail_bps is not None:
        found = await _mid(desk, step.symbol)
        if found is None:
            tell("left_out", step=step.number, symbol=step.symbol, says="no quote before the open")
            return
        mid = found
    tell("step", step=step.number, symbol=step.symbol, says=step.says)
    await _submit(desk, request_of(step, mid, cl_ord_id))


async def _submit(desk: Desk, request: OrderRequest) -> None:
    """While the fate of another order is open the desk takes none: try again soon."""
    deadline = desk.clock.monotonic() + SETTLE_S
    while True:
        try:
            await desk.submit_order(request)
        except Halted:
            if desk.clock.monotonic() > deadline:
                raise
            await desk.clock.sleep(0.1)
        else:
            return


def _is_too_late(desk: Desk, job: Job, step: Step) -> bool:
    """After a restart the opening may be over: a step that was left out then stays so."""
    is_opening = step.time_in_force is TimeInForce.AT_THE_OPENING
    return is_opening and desk.clock.now_ns() > job.open_ns


async def _change(desk: Desk, job: Job, step: Step) -> None:
    of = next(other for other in basket(job.symbols) if other.number == step.of)
    order = await _working(desk, cl_ord_id_of(job, of))
    if order is None:
        return
    tell("step", step=step.number, symbol=step.symbol, says=step.says)
    if step.action == "cancel":
        await desk.cancel_order(order.cl_ord_id)
    elif not order.replaces and (mid := await _mid(desk, step.symbol)) is not None:
        await desk.replace_order(order.cl_ord_id, limit_price=near(mid, step.limit_bps or 0))


async def _working(desk: Desk, cl_ord_id: str) -> Order | None:
    """The order once the broker works it: a change of one whose fate is open would be refused.

    None if there is no such order, or none any more.
    """
    deadline = desk.clock.monotonic() + SETTLE_S
    while (order := await _known(desk, cl_ord_id)) is not None and not order.is_ended:
        if order.ord_status in _CHANGEABLE or desk.clock.monotonic() > deadline:
            return order
        await desk.clock.sleep(0.05)
    return None


async def _known(desk: Desk, cl_ord_id: str) -> Order | None:
    try:
        return await desk.get_order(cl_ord_id)
    except Refused:
        return None


async def _mid(desk: Desk, symbol: str) -> Decimal | None:
    try:
        quote = await _asked(desk, lambda: desk.get_quote(symbol))
    except Refused:
        return None
    return quote.mid_px if quote.has_both_sides else None


async def _asked(desk: Desk, question: Callable[[], Awaitable[Result]]) -> Result:
    """Ask the broker until it answers; questions may be repeated, orders may not."""
    for attempt in range(1, ASK_TIMES + 1):
        try:
            return await question()
        except BrokerError:
            if attempt == ASK_TIMES:
                raise
            await desk.clock.sleep(0.05 * attempt)
    raise AssertionError("unreachable")


async def _refuse_on_purpose(desk: Desk, job: Job) -> None:
    """Two typical mistakes; neither leaves this process."""
    symbol = job.symbols[0]
    off_tick = partial(OrderRequest.limit, "buy", 10, symbol, limit_price="100.001")
    same_id = partial(OrderRequest.market, "buy", 1, symbol, cl_ord_id=f"demo-{job.run_id}-03")
    for mistake in (off_tick, same_id):
        try:
            await desk.submit_order(mistake())
        except Refused as no:
            tell("refused", step=0, symbol=symbol, says="a mistake on purpose", text=str(no))


async def _end_all(desk: Desk) -> None:
    """Cancel what still works, and wait until every order has ended."""
    deadline = desk.clock.monotonic() + SETTLE_S
    while left := await desk.get_all_orders("open"):
        for order in left:
            if order.ord_status is not OrdStatus.PENDING_CANCEL:
                with contextlib.suppress(Refused):
                    await desk.cancel_order(order.cl_ord_id)
        if desk.clock.monotonic() > deadline:
            tell("stuck", orders=[order.cl_ord_id for order in left])
            return
        await desk.clock.sleep(0.1)


async def _reconciled(desk: Desk) -> Any:
    deadline = desk.clock.monotonic() + SETTLE_S
    while True:
        outcome = await _asked(desk, desk.reconcile_positions)
        if not outcome.open_breaks or desk.clock.monotonic() > deadline:
            return outcome
        await desk.clock.sleep(0.2)


async def _tell_updates(desk: Desk) -> None:
    async for update in desk.updates():
        tell("update", order=update.order, message=update.message)


async def _tell_marks(desk: Desk) -> None:
    """What the broker says our positions are worth a share, again and again."""
    while True:
        marks = {}
        with contextlib.suppress(BrokerError):
            held = await desk.get_broker_positions()
            marks = {each.symbol: each.current_px for each in held if each.current_px}
        tell("marks", marks=marks)
        await desk.clock.sleep(MARKS_S)


async def _die_with_the_engine(desk: Desk) -> None:
    reason = await desk.failed()
    sys.stderr.write(f"floorbroker: the desk must stop: {reason}\n")
    os._exit(70)


def main() -> None:
    logging.getLogger("floorbroker").setLevel(logging.CRITICAL)  # the screen tells it all
    job = msgspec.json.decode(sys.argv[1], type=Job)
    app.run(work(job))


if __name__ == "__main__":
    main()
