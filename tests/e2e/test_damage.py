"""A journal that a desk wrote, damaged in every way: verification finds it, or nothing changed."""

import asyncio
import io
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing, redirect_stdout, suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from floorbroker import Desk, OrderRequest, Refused
from floorbroker.config import Settings
from floorbroker.domain.errors import JournalError
from floorbroker.engine.recovery import replay
from floorbroker.journal.alone import verify_alone
from floorbroker.journal.notary.anchors import read_anchors
from floorbroker.journal.notary.keys import read_key
from floorbroker.journal.port import Damage, OrderFilter
from floorbroker.posttrade.filed import wrongly_filed
from floorbroker.readers import open_journal_reader
from tests.e2e.damage import TO_BYTES, TO_ROWS

#: So many in `make test`; the rest of the ten thousand in `make soak`.
FEW, MANY = 400, 10_000
HARMLESS = frozenset({"take_out_the_snapshot"})


async def _work(settings: Settings, session: int) -> None:
    async with Desk.open(settings) as desk:
        for number in range(6):
            name = f"d-{session}-{number}"
            await desk.submit_order(OrderRequest.market("buy", 1, "AAPL", cl_ord_id=name))
            await desk.wait(name)
        far = OrderRequest.limit("buy", 1, "MSFT", limit_price="1.00", cl_ord_id=f"l-{session}")
        await desk.submit_order(far)
        await desk.replace_order(f"l-{session}", limit_price="1.10")
        if session < 3:
            await desk.cancel_order(f"l-{session}")
            await desk.wait(f"l-{session}")
        legs = {"take_profit": "900", "stop_loss": "10"}
        request = OrderRequest.bracket("buy", 1, "AAPL", cl_ord_id=f"b-{session}", **legs)  # type: ignore[arg-type]  # by name
        await desk.submit_order(request)
        with suppress(Refused):
            await desk.submit_order(OrderRequest.market("buy", 1, "NOSUCH", cl_ord_id="bad"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three openings of a desk, each closed in good order: journal, anchors, key, and the journal
    as it was after the second."""
    folder = tmp_path_factory.mktemp("home")
    settings = Settings(mode="embedded", home=folder, journal_path=folder / "desk.sqlite")
    for session in (1, 2, 3):
        if session == 3:
            shutil.copy(folder / "desk.sqlite", folder / "older.sqlite")
        asyncio.run(_work(settings, session))
    return folder


class Verdict(NamedTuple):
    """What is wrong, if anything is: by all that we check, by the chain alone, by the script."""

    ours: str | None
    chain: str | None
    alone: str | None


def judged(path: Path, home: Path, *, with_anchors: bool = True) -> Verdict:
    key = read_key(home / "anchor.key")
    anchors = home / "desk.sqlite.anchors"
    words = [str(path)]
    if with_anchors:
        words += ["--anchors", str(anchors), "--key", str(home / "anchor.key")]
    with redirect_stdout(io.StringIO()) as printed:
        code = verify_alone.main(words)
    assert code in (0, 1), printed.getvalue()
    alone = printed.getvalue() if code else None
    try:
        reader = open_journal_reader(path)
    except JournalError as problem:
        return Verdict(str(problem), str(problem), alone)
    with closing(reader):
        told = read_anchors(anchors, key, reader.journal_id)
        marks = told.marks() if with_anchors else []
        chain = reader.verify(marks).damage
        full = reader.verify(marks, lambda: wrongly_filed(reader)).damage
    if with_anchors and told.damage:
        return Verdict(told.damage, told.damage, alone)
    return Verdict(_told(full), None if chain is None else str(chain.seq), alone)


def _told(damage: Damage | None) -> str | None:
    return None if damage is None else f"{damage.seq}: {damage.reason}"


def contents(path: Path) -> tuple[object, ...]:
    """Everything that a desk or a report would read: records byte by byte, ended orders one by
    one and as they are listed, the head, and the state that a start would replay."""
    with closing(open_journal_reader(path)) as reader:
        ended = reader.ended_orders(OrderFilter(limit=1_000_000))
        return (
            reader.journal_id,
            reader.head(),
            list(reader.stored_records()),
            ended,
            [reader.ended_order(order.cl_ord_id) for order in ended],
            replay(reader).state.encode(),
        )


def damage_and_judge(home: Path, folder: Path, seeds: range) -> tuple[Counter[str], Counter[str]]:
    pattern, copy = home / "desk.sqlite", folder / "desk.sqlite"
    truth, kinds = contents(pattern), [*TO_BYTES, *TO_ROWS]
    found, harmless = Counter[str](), Counter[str]()
    for seed in seeds:
        random = Random(seed)
        # Half of them single bytes: what SQLite does not use is found to be unused there.
        damage = random.choice(kinds) if random.random() < 0.7 else random.choice(TO_BYTES[:2])
        name = damage.__name__
        shutil.copy(pattern, copy)
        if not damage(copy, random):
            continue
        verdict = judged(copy, home)
        where = f"seed {seed}, {name}: {verdict}"
        assert (verdict.chain is None) == (verdict.alone is None), where
        _agree_on_the_record(verdict, where)
        if verdict.ours is None:
            assert contents(copy) == truth, f"{where} changed something, unnoticed"
            harmless[name] += 1
        else:
            found[name] += 1
    surely_found = {kind.__name__ for kind in TO_ROWS} - HARMLESS
    assert not surely_found & harmless.keys(), harmless
    assert found.total() > len(seeds) // 3, (found, harmless)
    return found, harmless


def _agree_on_the_record(verdict: Verdict, where: str) -> None:
    """Both name the same first bad record, where it is a record and not SQLite that is bad; only
    we know what a record may say."""
    if "does not decode" in (verdict.ours or "") or "cannot read it" in (verdict.ours or ""):
        return
    numbers = re.match(r"DAMAGED at record (\d+): (?!SQLite|anchors)", verdict.alone or "")
    if numbers and verdict.chain is not None and verdict.chain.isdigit() and verdict.chain != "0":
        assert numbers[1] == verdict.chain, where


@pytest.mark.proves("I14")
def test_any_damage_is_found_or_changed_nothing(home: Path, tmp_path: Path) -> None:
    damage_and_judge(home, tmp_path, range(FEW))


@pytest.mark.soak
@pytest.mark.proves("I14")
def test_any_of_ten_thousand_damages_is_found_or_changed_nothing(
    home: Path, tmp_path: Path
) -> None:
    found, harmless = damage_and_judge(home, tmp_path, range(FEW, MANY + FEW))
    sys.stdout.write(f"found: {found}\nchanged nothing: {harmless}\n")  # shown with -s


@pytest.mark.proves("I14")
@pytest.mark.parametrize("damage", TO_ROWS, ids=lambda damage: damage.__name__)
def test_each_damage_to_rows_is_found(
    home: Path, tmp_path: Path, damage: Callable[[Path, Random], bool]
) -> None:
    done = 0
    for seed in range(40):
        copy = Path(shutil.copy(home / "desk.sqlite", tmp_path / "desk.sqlite"))
        if damage(copy, Random(seed)):
            done += 1
            is_found = judged(copy, home).ours is not None
            assert is_found != (damage.__name__ in HARMLESS), seed
            if done == 3:
                return
    raise AssertionError("it was never done")


@pytest.mark.proves("I14")
def test_an_undamaged_journal_is_found_good_by_both(home: Path) -> None:
    assert judged(home / "desk.sqlite", home) == (None, None, None)


@pytest.mark.proves("I14")
def test_an_older_copy_put_back_is_found_by_its_anchors_alone(home: Path) -> None:
    """Everything in it is right; only the anchors know that it went on."""
    older = home / "older.sqlite"
    assert judged(older, home, with_anchors=False) == (None, None, None)
    verdict = judged(older, home)
    assert verdict.ours is not None
    assert "the end was cut off" in verdict.ours
    assert "the end was cut off" in str(verdict.alone)
