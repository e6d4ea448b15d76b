"""Parent orders: worked to their end, killed and resumed, paused, canceled, refused."""

import pytest

from floorbroker.clock import run_virtual
from floorbroker.domain.books.parents import ParentState
from tests.sim.parents import ORDERS, check, market, submit
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
            if second % 2:
                await world.print_trade("AAPL", "100", "50")
        status = await check(world, name)
        print(algo, status)
        assert status.is_ended
        await world.close()

    run_virtual(play, seed=1, limit_s=100_000)
