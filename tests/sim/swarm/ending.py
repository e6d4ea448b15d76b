"""The truth at the end of a story, when nothing is open and nothing breaks any more."""

from tests.sim.invariants import check
from tests.sim.swarm.story import Story
from tests.sim.swarm.world import SwarmWorld


async def tell_the_truth(world: SwarmWorld, story: Story) -> None:
    """Every invariant; an AssertionError names the one that broke."""
    assert not world.truth.broken, "; ".join(world.truth.broken[:5])
    await check(world)
