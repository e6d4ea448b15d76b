"""The file of rules: what it sets, and what is said of one that is not understood."""

from decimal import Decimal

import pytest
from msgspec import structs

from floorbroker.domain.errors import ConfigError
from floorbroker.exchange.front.switches import TABLES, Switches, parse_switches

FILE = """
[venue]
day_end_status = "canceled"
market_buy_margin = 0.05
ack_latency_ns = 1_000

[fills]
queue = "alpaca_paper"

[front]
rate_limit = 200
keys = {PK1 = "secret"}
"""


def test_a_file_sets_what_it_names_and_leaves_the_rest() -> None:
    told = parse_switches(FILE)
    assert (told.venue.day_end_status, told.venue.ack_latency_ns) == ("canceled", 1000)
    assert told.venue.market_buy_margin == Decimal("0.05")
    assert told.venue.initial_status == "pending_new"
    assert (told.fills.queue, told.fills.auction_wait_s) == ("alpaca_paper", 120)
    assert (told.front.rate_limit, told.front.keys) == (200, {"PK1": "secret"})


def test_an_empty_file_is_the_default() -> None:
    assert parse_switches("") == Switches()


@pytest.mark.parametrize("table", TABLES)
def test_every_switch_can_be_written_in_a_file(table: str) -> None:
    rules = TABLES[table]
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
        for name, value in structs.asdict(rules()).items()
        if isinstance(value, bool | int | str)
    ]
    assert len(lines) >= len(structs.fields(rules)) - 1  # keys, or the margin
    told = parse_switches("\n".join([f"[{table}]", *lines]))
    assert told == Switches()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[venue", "rules.toml: is not TOML: "),
        ("[venu]", "rules.toml: no table [venu]; did you mean venue?"),
        (
            "[venue]\nday_end = 1",
            "rules.toml: venue.day_end: no such switch; did you mean day_end_",
        ),
        ("rate_limit = 200", "rules.toml: rate_limit: belongs under [front]"),
        ("front = 200", "rules.toml: front must be a table; write [front] on a line of its own"),
        ("[front]\nrate_limit = '200'", "front.rate_limit: '200' must be a whole number"),
        ("[front]\nrate_limit = true", "front.rate_limit: True must be a whole number"),
        ("[front]\nrate_limit = -1", "front.rate_limit is -1; it must be 0 or more"),
        ("[front]\nfeed_backlog = 0", "front.feed_backlog is 0; it must be 1 or more"),
        ("[front]\nhas_sip = 1", "front.has_sip: 1 must be true or false"),
        ("[front]\nkeys = 'PK1'", "front.keys: 'PK1' must be a table of secrets by key id"),
        ("[front]\nkeys = {PK1 = 7}", "front.keys: {'PK1': 7} must be a table of secrets"),
        ("[venue]\nmarket_buy_margin = nan", "venue.market_buy_margin: NaN must be a number"),
        ("[venue]\nmarket_buy_margin = -0.1", "venue.market_buy_margin is -0.1; it must be 0 or"),
        ("[venue]\nack_latency_ns = -1", "venue.ack_latency_ns is -1; it must be 0 or more"),
        ("[venue]\nack_latency_ns = 1.5", "venue.ack_latency_ns: 1.5 must be a whole number"),
        (
            "[venue]\nwash_trade_status = 400",
            "venue.wash_trade_status is 400; it must be one of 403, 422",
        ),
        ("[fills]\nqueue = 'kind'", "fills.queue is 'kind'; it must be one of pessimistic, "),
        ("[fills]\nqueue = 7", "fills.queue: 7 must be text"),
        ("[fills]\nauction_wait_s = -1", "fills.auction_wait_s is -1; it must be 0 or more"),
    ],
)
def test_a_mistake_is_told_with_its_switch_and_what_would_be_right(
    text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as told:
        parse_switches(text, "rules.toml")
    assert str(told.value).startswith("rules.toml: ")
    assert message in str(told.value)
