"""Parent orders: worked to their end, killed and resumed, paused, canceled, refused."""

import pytest

from floorbroker.clock import run_virtual
from floorbroker.domain.books.parents import ParentState
from tests.sim.parents import ORDERS, Mortal, check, market, order, pass_by, submit, worked
from tests.sim.world import World


@pytest.mark.parametrize("algo", ORDERS)
def test_an_algorithm_works_its_parent_to_its_end(algo: str) -> None:
    async def play() -> None:
        world = World(1)
        await world.open()
        market(world)
        name = await submit(world, algo)
        for second in range(605):
            await world.clock.sleep(1)
            await pass_by(world, second)
        status = await check(world, name)
        assert status.state is ParentState.DONE, status
        assert status.filled == status.qty
        await world.close()

    run_virtual(play, seed=1, limit_s=100_000)


@pytest.mark.parametrize("algo", ["twap", "pov"])
def test_a_death_at_a_boundary_doubles_no_child_and_loses_no_share(algo: str) -> None:
    for dies_at in range(20, 140, 9):

        async def play(number: int = dies_at) -> None:
            world = Mortal(1, dies_at=0)
            await world.open()
            market(world)
            world.passed, world.dies_at = 0, number - 19
            asked = order(world, algo, qty=200, minutes=4)
            status = await worked(world, asked, 280)
            assert len(world.recoveries) == 2, "it died"
            assert status.state is ParentState.DONE, status
            assert status.filled == status.qty
            await world.close()

        run_virtual(play, seed=1, limit_s=100_000)
