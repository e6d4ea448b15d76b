"""Which crash point a death was."""

from tests.sim.swarm.story import Death
from tests.sim.swarm.world import SwarmWorld


def died_at(world: SwarmWorld, death: Death) -> None:
    where = world.fate.died_at or death.place
    world.census.deaths[where] += 1
