"""Bugs planted where orders are sent, answered, executed and ended."""

from tests.mutants.mutant import Mutant

SENDING = (
    Mutant(
        name="an attempt after the first has another id",
        module="engine/outbox.py",
        before="            return await self._broker.place(order.cl_ord_id, order.request)",
        after="            again = f'-{sent.attempt}' if sent.attempt > 1 else ''\n"
        "            name = type(order.cl_ord_id)(order.cl_ord_id + again)\n"
        "            return await self._broker.place(name, order.request)",
    ),
    Mutant(
        name="a request leaves before it is durable",
        module="engine/writer.py",
        before="self.effects.append(partial(self._hands.outbox.send, message, order, change))",
        after="self._hands.outbox.send(message, order, change)",
    ),
    Mutant(
        name="a request that may have arrived is made again",
        module="engine/outbox.py",
        before="        if isinstance(problem, BrokerUnreachable) and not is_ambiguous:",
        after="        if not is_ambiguous:",
    ),
    Mutant(
        name="a refusal after an ambiguous attempt is believed",
        module="engine/decide.py",
        before="    if order.venue_status is OrdStatus.SENT:\n        return [found]\n",
        after="    if order.venue_status in (OrdStatus.SENT, OrdStatus.UNKNOWN):\n"
        "        return [found]\n",
    ),
    Mutant(
        name="a refused replace is believed at once",
        module="engine/outbox.py",
        before="        if found is not None and found.next_order_id is not None:",
        after="        if found is None:",
    ),
    Mutant(
        name="what was on the wire at a crash is forgotten",
        module="engine/aftermath.py",
        before="        if order.venue_status is OrdStatus.SENT:\n            yield",
        after="        if order.venue_status is OrdStatus.CREATED:\n            yield",
    ),
    Mutant(
        name="an order that was never sent is forgotten at a restart",
        module="engine/writer.py",
        before="elif order.venue_status is OrdStatus.CREATED:\n                self._want",
        after="elif order.venue_status is OrdStatus.HELD:\n                self._want",
    ),
    Mutant(
        name="an order that surely did not arrive is not sent again",
        module="engine/writer.py",
        before="            RequestUndelivered: self._after_undelivered,\n",
        after="",
    ),
    Mutant(
        name="an order leaves however old it is",
        module="engine/decide.py",
        before="    if age.total_seconds() > ttl_s:",
        after="    if age.total_seconds() < 0:",
    ),
    Mutant(
        name="an id may be used twice",
        module="engine/decide.py",
        before="command.was_used or state.book.find(cl_ord_id) or cl_ord_id in state.book.ended:",
        after="command.was_used:",
    ),
    Mutant(
        name="an id of an ended order may be used again",
        module="engine/decide.py",
        before="command.was_used or state.book.find(cl_ord_id) or cl_ord_id in state.book.ended:",
        after="state.book.find(cl_ord_id):",
    ),
    Mutant(
        name="a canceled order that was never sent is sent",
        module="engine/decide.py",
        before="return [OrderExpiredUnsent(cl_ord_id=cl_ord_id, text=text, transact_time=now)]\n"
        "    if cl_ord_id in state.book.cancels:",
        after="return []\n    if cl_ord_id in state.book.cancels:",
    ),
    Mutant(
        name="the broker's word that it took a cancel is taken for the cancel",
        module="engine/outbox.py",
        before="exec_type=ExecType.PENDING_CANCEL,\n"
        "            ord_status=OrdStatus.PENDING_CANCEL,",
        after="exec_type=ExecType.CANCELED,\n            ord_status=OrdStatus.CANCELED,",
    ),
    Mutant(
        name="a cancel that was not answered is forgotten",
        module="engine/evidence/resolve.py",
        before="            self._world.deliver(Resend(RequestKind.CANCEL, cl_ord_id))\n",
        after="            pass\n",
    ),
    Mutant(
        name="a cancel of an UNKNOWN order is forgotten",
        module="engine/writer.py",
        before="if asked is not None and asked.phase is Phase.WANTED:\n            self._want(",
        after="if asked is None:\n            self._want(",
    ),
    Mutant(
        name="a second replace may overtake the first",
        module="engine/decide.py",
        before="    if order.pending is Pending.REPLACE:",
        after="    if order.pending is Pending.CANCEL:",
    ),
    Mutant(
        name="callers see what is not durable yet",
        module="engine/inbox.py",
        before="        if writer.batch:\n            messages",
        after="        views.publish(book, writer.batch)\n        if writer.batch:\n"
        "            messages",
    ),
)

EXECUTIONS = (
    Mutant(
        name="an execution is booked each time it is told of",
        module="engine/book/counts.py",
        before="        if fill.exec_id == exec_id:\n            return True\n"
        "    return _is_covered(order, report)",
        after="        if fill.exec_id == exec_id:\n            return False\n    return False",
    ),
    Mutant(
        name="two names of one execution are two executions",
        module="engine/book/counts.py",
        before="    return _is_covered(order, report)",
        after="    return False",
    ),
    Mutant(
        name="CumQty is the last execution's",
        module="engine/book/booking.py",
        before="    cum_qty, avg_px = _totals(fills)",
        after="    cum_qty, avg_px = _totals(booked or fills)",
    ),
    Mutant(
        name="an execution after the end is refused",
        module="engine/book/news.py",
        before="        return not counts.is_booked(about, found)",
        after="        return about.ended_time is None and not counts.is_booked(about, found)",
    ),
    Mutant(
        name="a fill that the stream lost is never asked for",
        module="engine/writer.py",
        before="            self.effects.append(partial(ask.executions, order.cl_ord_id, found))",
        after="            pass",
    ),
    Mutant(
        name="the CumQty of a successor always begins at zero",
        module="engine/book/counts.py",
        before="    carried = _carried(order, order_id, own)\n",
        after="    carried = {ZERO_QTY}\n",
    ),
    Mutant(
        name="the predecessor's executions do not count",
        module="engine/book/reported.py",
        before="replaces=(*(one for one in order.replaces if one != order_id), order.order_id),",
        after="replaces=order.replaces,",
    ),
    Mutant(
        name="an execution of the predecessor is nobody's",
        module="engine/book/book.py",
        before="        for order_id in lineage_of(order):\n            self.lineage[order_id] =",
        after="        for order_id in ():\n            self.lineage[order_id] =",
    ),
    Mutant(
        name="an order ends before its executions are booked",
        module="engine/book/booking.py",
        before="    is_early = found in _SAYS_MORE and is_behind(order, report)",
        after="    is_early = False",
    ),
    Mutant(
        name="a sale adds to the position",
        module="domain/position.py",
        before="        signed = Decimal(qty) if is_buy else -Decimal(qty)",
        after="        signed = Decimal(qty)",
    ),
    Mutant(
        name="a bust is not taken out of the book",
        module="engine/book/reported.py",
        before="    if busted is None:\n        return order",
        after="    if busted is not None:\n        return order",
    ),
    Mutant(
        name="news of an ended order makes another order of it",
        module="engine/book/news.py",
        before="        reopened = [OrderReopened(order=about, transact_time=now)]",
        after="        reopened = []",
    ),
    Mutant(
        name="executions of orders from elsewhere are dropped",
        module="engine/book/news.py",
        before="    if is_over and found.cum_qty == 0 and not has_our_name:",
        after="    if found.order_id:",
    ),
    Mutant(
        name="legs stay orders from elsewhere",
        module="engine/writer.py",
        before="        if not found.parent or (about is not None and not about.is_external):",
        after="        if found.cl_ord_id or (about is not None and not about.is_external):",
    ),
    Mutant(
        name="the other leg keeps the shares that the first one sold",
        module="engine/book/reported.py",
        before="    if (qty, price, stop_px) == (ours.order_qty, ours.price, ours.stop_px):",
        after="    if found.order_id:",
    ),
    Mutant(
        name="a successor that was refused stays",
        module="engine/book/reported.py",
        before="        return is_fresh or report.prev_order_id in order.replaces",
        after="        return False and report.prev_order_id in order.replaces",
    ),
    Mutant(
        name="a replace on its way reserves the smaller quantity",
        module="engine/book/book.py",
        before="        return max(qty, asked.change.order_qty)",
        after="        return min(qty, asked.change.order_qty)",
    ),
    Mutant(
        name="an UNKNOWN order reserves nothing",
        module="engine/book/book.py",
        before="order.venue_status is OrdStatus.HELD:\n                continue",
        after="order.venue_status in (\n                OrdStatus.HELD, OrdStatus.UNKNOWN\n"
        "            ):\n                continue",
    ),
)
