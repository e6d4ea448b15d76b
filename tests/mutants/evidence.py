"""Bugs planted where questions are asked: evidence, gaps, comparisons, answers of the broker."""

from tests.mutants.mutant import Mutant

PROOF = (
    Mutant(
        name="the first 404 proves that an order was not placed",
        module="engine/evidence/proof.py",
        before="            is_stream_ready\n            and self.absences >= ABSENCES_MIN\n"
        "            and self.listings >= LISTINGS_MIN\n"
        "            and self.last_absence_s - self.since_s >= grace_s",
        after="            self.absences >= 1",
    ),
    Mutant(
        name="absence proves something however soon",
        module="engine/evidence/proof.py",
        before="            and self.last_absence_s - self.since_s >= grace_s\n",
        after="",
    ),
    Mutant(
        name="a look-up that failed counts as an absence",
        module="engine/evidence/resolve.py",
        before="            found = await self._broker.look_up(wire_id)\n"
        "        except BrokerError as problem:\n            self._errors.append(problem)\n"
        "            return False",
        after="            found = await self._broker.look_up(wire_id)\n"
        "        except BrokerError as problem:\n            self._errors.append(problem)\n"
        "            found = None",
    ),
    Mutant(
        name="shares that nothing explains are no evidence",
        module="engine/evidence/resolve.py",
        before="        if is_anybodys or not self._world.is_explained(order.symbol):",
        after="        if is_anybodys:",
    ),
    Mutant(
        name="an order that was found not placed is not looked for any more",
        module="engine/decide.py",
        before='TimerSet(timer_id=f"{GHOST}{name}", due_time=due, transact_time=now),',
        after="",
    ),
    Mutant(
        name="UNKNOWN orders are not asked about after a restart",
        module="engine/writer.py",
        before="            if order.venue_status is OrdStatus.UNKNOWN:\n"
        "                self.effects.append(partial(ask, RequestKind.NEW",
        after="            if order.venue_status is OrdStatus.HELD:\n"
        "                self.effects.append(partial(ask, RequestKind.NEW",
    ),
    Mutant(
        name="the successor of a replace is never looked for",
        module="engine/evidence/resolve.py",
        before='            self._inquire(f"{kind} {wire_id}", cl_ord_id, ask)\n',
        after="            del ask\n",
    ),
)

GAPS = (
    Mutant(
        name="a gap of the stream is not asked about",
        module="engine/evidence/survey.py",
        before="if since is not None:\n            for found in await self._insist(",
        after="if since is None:\n            for found in await self._insist(",
    ),
    Mutant(
        name="orders leave while the stream has a gap",
        module="engine/evidence/crew.py",
        before="return self.is_open and self.link.is_whole and not self.state.strangers",
        after="return self.is_open",
    ),
    Mutant(
        name="nothing is missed although there is a gap",
        module="engine/evidence/link.py",
        before="        if not self.is_whole:\n            return None\n",
        after="",
    ),
    Mutant(
        name="open orders are never swept",
        module="engine/compare/reconciler.py",
        before="            await self._tried(lambda: self.reconcile(_ORDERS, is_routine=True))\n",
        after="",
    ),
    Mutant(
        name="an order that the broker does not list is not asked for",
        module="engine/evidence/survey.py",
        before="            if ours.cl_ord_id not in listed:",
        after="            if ours.cl_ord_id in listed:",
    ),
    Mutant(
        name="positions that differ are no break",
        module="engine/compare/positions.py",
        before="    if mine == other:",
        after="    if mine >= 0:",
    ),
    Mutant(
        name="a mute stream is trusted for ever",
        module="brokers/alpaca/stream.py",
        before="            await self._question(frames)\n",
        after="            pass\n",
    ),
    Mutant(
        name="a frame that cannot be read ends the stream for good",
        module="brokers/alpaca/stream.py",
        before="            self._quarantined += 1\n",
        after="            self._quarantined += 1\n            raise ValueError(found.text)\n",
    ),
)

ANSWERS = (
    Mutant(
        name="'must be unique' is taken for a refusal",
        module="brokers/answers.py",
        before="    _A.DUPLICATE_ID: Row(_M.EXISTS, _N.COMPARE),",
        after="    _A.DUPLICATE_ID: Row(_M.REFUSED, _N.REJECT),",
    ),
    Mutant(
        name="a 5xx is taken for a refusal",
        module="brokers/alpaca/line.py",
        before="    return not 400 <= response.status < 500 or response.status == 408",
        after="    return response.status == 408",
    ),
    Mutant(
        name="a lost answer is taken for a request that did not arrive",
        module="brokers/alpaca/line.py",
        before="            error = error_of(COMMANDS[lane], Answer.NO_ANSWER, text)",
        after="            error = error_of(COMMANDS[lane], Answer.NOT_SENT, text)",
    ),
    Mutant(
        name="any 404 says that there is no such order",
        module="brokers/alpaca/line.py",
        before="    if response.status != _NOT_FOUND:\n        return False",
        after="    if response.status >= _NOT_FOUND:\n        return True",
    ),
    Mutant(
        name="'unable to replace' is believed",
        module="brokers/answers.py",
        before="    _A.DOUBTFUL_NO: Row(_M.DOUBTED, _N.ITS_RECORD),",
        after="    _A.DOUBTFUL_NO: Row(_M.REFUSED, _N.ITS_RECORD),",
    ),
)

KEEPING = (
    Mutant(
        name="a snapshot forgets what was asked of orders",
        module="engine/state.py",
        before="                cancels=self.book.cancels,\n",
        after="                cancels={},\n",
    ),
    Mutant(
        name="a snapshot forgets timers",
        module="engine/state.py",
        before="                timers=self.timers,\n",
        after="                timers={},\n",
    ),
    Mutant(
        name="a replay leaves out who was never placed",
        module="engine/state.py",
        before="            OrderNotPlaced: self._not_placed,\n",
        after="",
    ),
    Mutant(
        name="the last record before a crash is not replayed",
        module="engine/recovery.py",
        before="    for record in journal.records(after=seq):",
        after="    for record in list(journal.records(after=seq))[:-1]:",
    ),
    Mutant(
        name="a record does not hang on the one before",
        module="journal/codec.py",
        before="        previous = sha256(pack(0, seq, epoch, previous) + body).digest()",
        after="        previous = sha256(pack(0, seq, epoch, bytes(32)) + body).digest()",
    ),
    Mutant(
        name="a journal need not survive a power cut",
        module="journal/store.py",
        before="    if level != _FULL_SYNC:",
        after='    connection.execute("PRAGMA synchronous = NORMAL")\n    if level != _FULL_SYNC:',
    ),
    Mutant(
        name="a desk goes on when its journal has failed",
        module="journal/sqlite.py",
        before='raise self._failure(problem, f"append record {self._head.seq + 1}") from problem',
        after="return head",
    ),
    Mutant(
        name="a second desk may write the journal of the first",
        module="journal/sqlite.py",
        before="        if epoch != self.epoch:\n            raise self._fenced()",
        after="        if epoch < 0:\n            raise self._fenced()",
    ),
)
