"""`floorbroker plan`: schedule, expected cost and risk of an order before it exists."""

from functools import partial
from typing import Annotated

from cyclopts import App, Parameter

from floorbroker.cli.planning.options import (
    MarketOptions,
    OrderOptions,
    OutputOptions,
    ProgramOptions,
    UrgencyOptions,
)
from floorbroker.cli.planning.plan import Plan, plan_by, plan_program, plan_shortfall
from floorbroker.cli.planning.typed import PROGRAM_OPTIONS, as_options, number, wanted
from floorbroker.cli.root import DONE, Json, say, say_json, write_file
from floorbroker.domain.errors import ConfigError, InvalidModel
from floorbroker.domain.numbers.estimates import fraction
from floorbroker.pretrade.costs import schedule
from floorbroker.pretrade.costs.market_impact import Trade, impact

app = App(name="plan", help="Schedule, expected cost and risk of an order before it exists.")

_NO_ORDER, _NO_MARKET, _NO_OUTPUT = OrderOptions(), MarketOptions(), OutputOptions()


@app.command
def twap(
    *,
    order: OrderOptions = _NO_ORDER,
    market: MarketOptions = _NO_MARKET,
    output: OutputOptions = _NO_OUTPUT,
) -> int:
    """The same shares in every slice of time.

    Example: floorbroker plan twap --side buy --qty 100000 --symbol IBM --adv 5000000
    --daily-vol 1.6% --price 180 --spread 0.03 --html plan.html
    """
    with as_options():
        plan = plan_by("twap", order, market, schedule.by_time)
    return _shown(plan, output)


@app.command
def vwap(
    *,
    order: OrderOptions = _NO_ORDER,
    market: MarketOptions = _NO_MARKET,
    output: OutputOptions = _NO_OUTPUT,
) -> int:
    """In every slice the same part of the volume that the curve expects.

    Examples: floorbroker plan vwap --side sell --qty 50000 --symbol IBM --adv 5000000
    --daily-vol 1.6% --curve volumes.csv --end 15:55

    floorbroker plan vwap --side sell --qty 50000 --symbol IBM --history bars/ibm
    """
    with as_options():
        plan = plan_by("vwap", order, market, schedule.by_volume)
    return _shown(plan, output)


@app.command
def pov(
    *,
    order: OrderOptions = _NO_ORDER,
    rate: Annotated[
        str | None, Parameter(help="our part of all that trades, our own shares in it, as 0.1")
    ] = None,
    market: MarketOptions = _NO_MARKET,
    output: OutputOptions = _NO_OUTPUT,
) -> int:
    """A part of all that trades, until the order is done or the end comes.

    Example: floorbroker plan pov --side buy --qty 100000 --symbol IBM --rate 10% --adv 5000000
    --daily-vol 1.6%
    """
    with as_options():
        asked = number("--rate", wanted("--rate", rate, "give the part, such as 0.1"), "0.1")
        by_rate = partial(_by_rate, rate=fraction("--rate", asked))
        plan = plan_by("pov", order, market, by_rate)
    return _shown(plan, output)


def _by_rate(field: schedule.Field, shares: int, lot: int, *, rate: float) -> list[schedule.Slice]:
    return schedule.by_rate(field, shares, rate, lot)


@app.command(name="is")
def shortfall(
    *,
    order: OrderOptions = _NO_ORDER,
    market: MarketOptions = _NO_MARKET,
    urgency: UrgencyOptions = UrgencyOptions(),  # noqa: B008  (frozen, so shared without harm)
    program: ProgramOptions = ProgramOptions(),  # noqa: B008  (frozen)
    output: OutputOptions = _NO_OUTPUT,
) -> int:
    """Implementation shortfall: Almgren and Chriss' schedule for what risk is worth.

    Examples: floorbroker plan is --side buy --qty 100000 --symbol IBM --adv 5000000
    --daily-vol 1.6% --price 180 --spread 0.03 --urgency high --html plan.html

    floorbroker plan is --x0 1000000 --horizon 5 --intervals 5 --sigma 0.95 --eta 2.5e-6
    --gamma 2.5e-7 --epsilon 0.0625 --lambda 1e-6 --json
    """
    if program == ProgramOptions():
        with as_options():
            return _shown(plan_shortfall(order, market, urgency), output)
    if (order, market) != (_NO_ORDER, _NO_MARKET):
        raise ConfigError(
            "--x0: a program is given by --horizon, --intervals, --sigma, --eta, --gamma, "
            "--epsilon, --alpha and --lambda; leave out what describes an order and its market"
        )
    with as_options(PROGRAM_OPTIONS):
        return _shown(plan_program(program, urgency), output)


@app.command(name="impact")
def impact_of(
    *,
    qty: str | None = None,
    market: MarketOptions = _NO_MARKET,
    duration: str | None = None,
    json: Json = False,
) -> int:
    """What an order moves the price, by Almgren et al. (2005), in basis points.

    Example: floorbroker plan impact --qty 656100 --adv 6561000 --shares-outstanding 1728000000
    --daily-vol 0.0157 --duration 0.1 --json

    Parameters
    ----------
    qty
        shares
    duration
        trading days of volume in which they trade
    """
    given = {
        "--qty": qty,
        "--adv": market.adv,
        "--shares-outstanding": market.shares_outstanding,
        "--daily-vol": market.daily_vol,
        "--duration": duration,
    }
    unused = {"--price": market.price, "--spread": market.spread, "--curve": market.curve}
    unused["--history"] = market.history
    for option, text in unused.items():
        if text is not None:
            raise InvalidModel(option, text, "the impact does not depend on it; leave it out")
    values = [number(name, wanted(name, text, "impact needs it")) for name, text in given.items()]
    shares, adv, outstanding, vol, days = values
    with as_options({"shares": "--qty", "days": "--duration"}):
        found = impact(
            Trade(
                shares=shares,
                adv=adv,
                shares_outstanding=outstanding,
                daily_vol=fraction("--daily-vol", vol),
                days=days,
            )
        )
    if json:
        say_json(found)
        return DONE
    say(f"permanent  {found.permanent_bps:8.2f} bps  stays when the order is done")
    say(f"temporary  {found.temporary_bps:8.2f} bps  for the pace, gone with it")
    say(f"realised   {found.realized_bps:8.2f} bps  what the average share pays")
    return DONE


def _shown(plan: Plan, output: OutputOptions) -> int:
    if output.html is not None:
        from floorbroker.cli.planning.page import render_plan

        write_file(output.html, render_plan(plan), "--html")
    if output.json:
        from floorbroker.cli.planning.json_view import plan_view

        say_json(plan_view(plan))
        return DONE
    from floorbroker.cli.planning.sheets import show_plan

    show_plan(plan)
    if output.html is not None:
        say(f"page  {output.html}")
    return DONE
