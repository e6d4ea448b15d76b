"""Makes a failing story smaller, one piece at a time, and tells what is left."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from floorbroker.clock import run_virtual
from floorbroker.domain.messages import JournalMessage
from tests.sim.swarm.play import LIMIT_S, Play, play
from tests.sim.swarm.story import Caller, Story

Fails = Callable[[Story], str]
_PIECES = ("deaths", "faults", "mishaps", "callers")
_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_DEFAULTS: tuple[Any, ...] = (None, "", (), [], False)


def failure(story: Story) -> str:
    """What the story breaks, in words; empty if it holds."""
    try:
        play(story)
    except Exception as problem:  # noqa: BLE001  (whatever it is, the story does not hold)
        return f"{type(problem).__name__}: {problem}"
    return ""


def shrunk(story: Story, fails: Fails = failure) -> Story:
    """The smallest story that still breaks the same thing, by leaving out what can be left out."""
    name = _name(fails(story))
    assert name, f"seed {story.seed} holds"
    while True:
        for smaller in _smaller(story):
            if _name(fails(smaller)) == name:
                story = smaller
                break
        else:
            return story


def _name(reason: str) -> str:
    """Which invariant it is, or which error: the first two words."""
    return " ".join(reason.split()[:2])


def _smaller(story: Story) -> Iterator[Story]:
    for field in _PIECES:
        pieces: tuple[Any, ...] = getattr(story, field)
        for place in range(len(pieces)):
            yield replace(story, **{field: (*pieces[:place], *pieces[place + 1 :])})
    for place, caller in enumerate(story.callers):
        for simpler in _simpler(caller):
            callers = (*story.callers[:place], simpler, *story.callers[place + 1 :])
            yield replace(story, callers=callers)
    if story.latency_s:
        yield replace(story, latency_s=0.0)
    if story.has_one_stream:
        yield replace(story, has_one_stream=False)


def _simpler(caller: Caller) -> Iterator[Caller]:
    for place in range(len(caller.changes)):
        changes = (*caller.changes[:place], *caller.changes[place + 1 :])
        yield replace(caller, changes=changes)
    if caller.gives_up_s is not None:
        yield replace(caller, gives_up_s=None)
    if caller.is_double:
        yield replace(caller, is_double=False)


def told(story: Story) -> Iterator[str]:
    """The story in lines: what was drawn, what the journals hold, and how it ended."""
    for field in _PIECES:
        for piece in getattr(story, field):
            yield f"{field}: {_line(asdict(piece))}"
    stage: list[Play] = []

    async def acted() -> None:
        stage.append(Play(story))
        await stage[0].run()

    try:
        run_virtual(acted, seed=story.seed, limit_s=LIMIT_S)
    except Exception as problem:  # noqa: BLE001  (it is what is to be told)
        ending = f"{type(problem).__name__}: {problem}"
    else:
        ending = "it holds"
    for message in stage[0].world.messages():
        yield journal_line(message)
    yield f"died at: {dict(stage[0].world.census.deaths)}"
    yield ending


def journal_line(message: JournalMessage) -> str:
    """A message, without what is long and says little."""
    fields: dict[str, Any] = msgspec.to_builtins(message, enc_hook=str)
    kind, when = fields.pop("type"), fields.pop("transact_time")
    for name in ("account", "received_time", "avg_px"):
        fields.pop(name, None)
    return f"{when[11:23]} {kind} {_line(fields)}"


def _line(fields: dict[str, Any]) -> str:
    plain = msgspec.to_builtins(fields, enc_hook=str)
    words = (f"{name}={_short(value)}" for name, value in plain.items() if value not in _DEFAULTS)
    return _UUID.sub(r"\1", " ".join(words))


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_line(value)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)
