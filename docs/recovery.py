"""Writes recovery.md from the tests and the answer table: `python docs/recovery.py`.

A test says what it shows with `@pytest.mark.proves("C05", "S03")`; the markers are read from the
sources of the tests, which are not run.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from floorbroker.brokers.answers import TABLE, Answer, Command

PAGE = Path(__file__).with_name("recovery.md")
TESTS = PAGE.parent.parent / "tests"

HEAD = """\
# What breaks, and which test shows that it does no harm

<!-- Written by docs/recovery.py from the markers of the tests and brokers/answers.py. Do not
edit. -->

Two records stand before the wire: INTENT, the order as it was accepted, and SEND, attempt n. An
INTENT without a SEND was never sent. A SEND without an answer is UNKNOWN: it keeps its
reservation, closes its symbol to orders that add risk, and is looked up until there is evidence.
"""

#: Where a process, a request or a disk may be cut off.
CRASH_POINTS = {
    "C01": "killed while an order is checked: nothing was promised, nothing stays",
    "C02": "INTENT half written: a batch is there whole or not at all",
    "C03": "killed after INTENT, before the caller hears: the id is taken, the order goes on",
    "C04": "killed after INTENT, before SEND: sent if it is young enough, else ended unsent",
    "C05": "SEND half written: no byte has left",
    "C06": "killed after SEND, before the first byte: UNKNOWN, looked up, never sent blindly",
    "C07": "cut off in the middle of the request: the same",
    "C08": "the broker is slow, the order shows later: a 404 is no evidence yet",
    "C09": "accepted, the answer lost: one order, found by asking",
    "C10": "killed after the answer, before it was written: found by asking",
    "C11": "killed after a refusal, before it was written: nothing is inferred from it",
    "C12": "the acknowledgement half written: as if it had not been heard",
    "C13": "accepted, and rejected later: it ends as rejected",
    "C14": "the fill is faster than the answer: the older answer takes nothing back",
    "C15": "killed with an execution in memory: fetched from the broker's list and booked",
    "C16": "an execution half written: order, position and profit move together or not at all",
    "C17": "killed after an execution is durable, before anybody was told: told at the restart",
    "C18": "an event twice, or out of order: booked once",
    "C19": "the stream loses events, silently or not: asked for, before new orders leave",
    "C20": "killed or cut off around a cancel: it may be asked again, fills still count",
    "C21": "killed or cut off around a replace: two orders for a while, counted once",
    "C22": "killed after a bracket was placed: its legs are found and adopted",
    "C23": "killed in the middle of a cancel of everything: the kill is sticky and goes on",
    "C24": "killed during a recovery: the recovery of a recovery ends the same",
    "C25": "killed while a snapshot is kept: it is a cache, the records are the truth",
    "C26": "a desk that was paused comes back: it asks before it sends",
    "C27": "somebody else trades the account: kept apart, and counted",
    "C28": "the disk is full or fails: nothing leaves that is not written, the desk ends",
    "C29": "the clock jumps: waiting follows the monotonic clock, dates are data",
    "C30": "the journal is an old backup: noticed, and no order leaves",
    "C31": "an execution is busted or corrected after the end: reversed, the end stays",
    "C32": "a split or another corporate action: explained by the broker's own list",
    "C33": "the key is revoked: nothing is concluded from that",
}
#: Stories that other systems' users have told.
SCENARIOS = {
    "S01": "killed between the intent and the connection",
    "S02": "killed after the broker accepted, before the answer",
    "S03": "accepted, then answered 504",
    "S04": "accepted, then silence for ten minutes",
    "S05": "an order id that must be unique is refused",
    "S06": "not found, and there later",
    "S07": "the fill comes before the answer",
    "S08": "the whole story is told twice",
    "S09": "one fill is missing on a healthy stream",
    "S10": "fills while nobody was connected",
    "S11": "a stream that is mute and answers pings",
    "S12": "an event that nobody can read",
    "S13": "no name is resolved for ten minutes while orders work",
    "S14": "a cancel crosses a fill",
    "S15": "a cancel is refused after the fill",
    "S16": "a partly filled order is replaced",
    "S17": "'unable to replace', and replaced",
    "S18": "a cancel that never comes true",
    "S19": "ids that roll back",
    "S20": "a replace leaves two live orders",
    "S21": "an order placed by hand at the broker",
    "S22": "the broker liquidates a position",
    "S23": "a position is missing in the broker's list",
    "S24": "a split overnight under a working stop",
    "S25": "a schedule is cut off in the middle",
    "S26": "two desks, one account",
    "S27": "another process spends the request budget",
    "S28": "an error page where figures should be",
    "S29": "a restart after a halt",
    "S30": "paper and live are exchanged under an order",
}
INVARIANTS = {
    "I01": "no request without a durable SEND",
    "I02": "one order at the broker for one intent, at most",
    "I03": "every order ends, by evidence",
    "I04": "what ended as never placed never was, or raises an alarm",
    "I05": "CumQty never exceeds OrderQty and never falls, busts apart",
    "I06": "an end is an end",
    "I07": "position = sum of executions and adjustments = the broker's",
    "I08": "cash is conserved to the cent",
    "I09": "each execution is booked once",
    "I10": "the reservation is never below what the broker may still do",
    "I11": "no limit is exceeded by what the broker has",
    "I12": "children never exceed their parent",
    "I13": "nothing new leaves after a kill",
    "I14": "the chain of records verifies",
    "I15": "a replay gives the live state",
    "I16": "recovering twice is recovering once",
    "I17": "who follows sees every message in order, or is told of a gap",
    "I18": "no secret in any log, error or record",
    "I19": "nothing is left hanging",
    "I20": "once the faults stop, what was UNKNOWN is known soon",
}
#: Rows that no test can fill here, each with its reason.
ELSEWHERE = {
    "S19": "Interactive Brokers' numbers; that door is not built",
    "I11": "pre-trade limits; that room is not built",
}
TITLES = (
    ("Crash points", CRASH_POINTS),
    ("Scenarios", SCENARIOS),
    ("Invariants", INVARIANTS),
)


#: Whatever a test may say that it shows.
NAMES = (
    {"answers"}
    | {name for _, rows in TITLES for name in rows}
    | {f"answer:{command}.{answer}" for command, answer in TABLE}
)


def proofs() -> dict[str, list[str]]:
    """The tests of each name, as links."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        place = path.relative_to(TESTS).as_posix()
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            words = node.name.removeprefix("test_").replace("_", " ")
            for name in dict.fromkeys(_marked(node)):
                found[name].append(f"[{words}](../tests/{place})")
    return found


def _marked(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """What the test's markers say that it shows; also those of single parameters."""
    for decorator in test.decorator_list:
        for node in ast.walk(decorator):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.proves"):
                yield from (ast.literal_eval(each) for each in node.args)


def lacking(found: dict[str, list[str]]) -> list[str]:
    """The rows without a test that should have one."""
    return [
        name
        for _, rows in TITLES
        for name in rows
        if not found.get(name) and name not in ELSEWHERE
    ]


def _table(rows: dict[str, str], found: dict[str, list[str]]) -> list[str]:
    lines = ["| | what happens | shown by |", "| --- | --- | --- |"]
    for name, says in rows.items():
        shown = "<br>".join(found.get(name, ())) or ELSEWHERE.get(name, "no test yet")
        lines.append(f"| {name} | {says} | {shown} |")
    return lines


def _answers(found: dict[str, list[str]]) -> list[str]:
    """What each class of answer means to each command, and what follows."""
    lines = []
    for command in Command:
        lines += ["", f"### {command.value}", "", "| answer | means | then | also shown by |"]
        lines.append("| --- | --- | --- | --- |")
        for answer in Answer:
            row = TABLE.get((command, answer))
            if row is not None:
                also = "<br>".join(found.get(f"answer:{command}.{answer}", ()))
                says = f"{row.meaning.value} | {row.next.value}"
                lines.append(f"| {answer.value} | {says} | {also} |")
    return lines


def page() -> str:
    found = proofs()
    lines = [HEAD]
    for title, rows in TITLES:
        lines += [f"## {title}", "", *_table(rows, found), ""]
    tests = "<br>".join(found["answers"])
    lines += ["## What an answer means", "", f"Every cell is held by: {tests}"]
    lines += [*_answers(found), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
