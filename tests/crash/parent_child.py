"""A desk that works one parent order, as a process of its own; whoever started it kills it.

Words: home folder, URL of the exchange, the algorithm, its parameters as JSON, and the number of
seconds of market time. The first life that gets so far submits it; every life follows it to its
end and says, a line each, what it saw; at last one line of JSON, the parent as it stands.
"""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.publish.views import to_json
from tests.crash.desk_child import say

QTY = 60


async def work(home: Path, url: str, algo: str, params: str, seconds: int) -> None:
    settings = Settings(
        mode="embedded",
        home=home,
        journal_path=home / "desk.sqlite",
        exchange_url=url,
        exchange_speed=20.0,
    )
    say("begin")
    async with Desk.open(settings) as desk:
        known = await desk.parents.list()
        if known:
            (status,) = known
        else:
            status = await desk.parents.submit(
                "buy",
                QTY,
                "AAPL",
                algo=algo,
                end=timedelta(seconds=seconds),
                limit="900",
                params=json.loads(params),
                curve=("2", "1", "2") if algo == "vwap" else (),
            )
        say("submitted")
        status = await desk.parents.wait(status.parent_id)
        while (await desk.reconcile_positions()).open_breaks:
            await desk.clock.sleep(1.0)
        say(to_json(status))


if __name__ == "__main__":
    home, url, algo, params, seconds = sys.argv[1:]
    asyncio.run(work(Path(home), url, algo, params, int(seconds)))
