"""Engine on a stub venue: orders a second, decided, journaled durably, sent, filled, booked."""

from bench.runs import Figures, engine_on, folder, new_pacer, rate, run
from bench.stub import StubBroker, order


async def main() -> Figures:
    figures: Figures = {}
    with folder() as place:
        for in_flight, total in ((16, 15_000), (128, 40_000)):
            pacer = new_pacer()
            path = place / f"{in_flight}.sqlite"
            async with engine_on(StubBroker(pacer), path, pacer) as engine:

                async def submit(number: int) -> None:
                    done = await engine.submit(order())
                    if not done.is_ended:
                        await engine.wait(done.cl_ord_id)

                figures[str(in_flight)] = await rate(submit, total, in_flight)
                assert not engine.open_orders()
    return figures


if __name__ == "__main__":
    run(main)
