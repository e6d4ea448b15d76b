"""The clock and the calendar, of US equities and of each market."""

import json

import pytest

from floorbroker.exchange.reference.calendar import NIGHT
from floorbroker.exchange.wire.words import moment_ns
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually


@pytest.mark.parametrize(
    ("to", "is_open", "next_open", "next_close"),
    [
        ("2026-06-01T15:00:00Z", True, "2026-06-02T09:30:00-04:00", "2026-06-01T16:00:00-04:00"),
        ("2026-06-01T20:00:00Z", False, "2026-06-02T09:30:00-04:00", "2026-06-02T16:00:00-04:00"),
        ("2026-06-05T20:30:00Z", False, "2026-06-08T09:30:00-04:00", "2026-06-08T16:00:00-04:00"),
        ("2026-06-08T13:29:59Z", False, "2026-06-08T09:30:00-04:00", "2026-06-08T16:00:00-04:00"),
        ("2026-06-18T20:30:00Z", False, "2026-06-22T09:30:00-04:00", "2026-06-22T16:00:00-04:00"),
    ],
)
async def test_the_clock_knows_the_next_bells(
    client: Client, to: str, is_open: bool, next_open: str, next_close: str
) -> None:
    await client.ask("POST", "/_exchange/clock", {"to": to})
    clock = await client.ask("GET", "/v2/clock")
    assert clock["timestamp"].endswith("-04:00")
    assert (clock["is_open"], clock["next_open"]) == (is_open, next_open)
    assert clock["next_close"] == next_close


async def test_the_calendar_lists_sessions_with_their_hours(client: Client) -> None:
    days = await client.ask("GET", "/v2/calendar", start="2026-11-25", end="2026-11-30")
    assert [(day["date"], day["close"]) for day in days] == [
        ("2026-11-25", "16:00"),
        ("2026-11-27", "13:00"),
        ("2026-11-30", "16:00"),
    ]
    assert days[0]["settlement_date"] == "2026-11-27"
    assert days[0]["session_open"] == "0400"
    everything = await client.send("GET", "/v2/calendar")
    assert len(json.loads(everything.body)) > 9000


@pytest.mark.parametrize(
    ("day", "settles"),
    [
        ("2026-06-05", "2026-06-08"),  # over a weekend
        ("2026-06-18", "2026-06-22"),  # over a holiday and a weekend
        ("2024-05-28", "2024-05-29"),  # the first day of T+1
        ("2024-05-24", "2024-05-29"),  # the last day of T+2, over Memorial Day
        ("2017-09-01", "2017-09-07"),  # the last day of T+3, over Labor Day
    ],
)
async def test_trades_settle_as_their_day_had_it(client: Client, day: str, settles: str) -> None:
    (row,) = await client.ask("GET", "/v2/calendar", start=day, end=day)
    assert row["settlement_date"] == settles


async def test_the_calendar_is_also_asked_by_the_date_of_settlement(client: Client) -> None:
    monday = {"start": "2026-06-08", "end": "2026-06-08"}
    rows = await client.ask("GET", "/v2/calendar", date_type="SETTLEMENT", **monday)
    assert [row["date"] for row in rows] == ["2026-06-05"]
    rows = await client.ask("GET", "/v2/calendar", date_type="TRADING", **monday)
    assert [row["date"] for row in rows] == ["2026-06-08"]


@pytest.mark.parametrize(
    ("time", "phase", "until", "next_open", "next_close"),
    [
        # An ordinary Monday.
        ("2026-06-01T07:59:59Z", "closed", "06-01T04:00", "06-01T09:30", "06-01T16:00"),
        ("2026-06-01T08:00:00Z", "pre", "06-01T09:30", "06-01T09:30", "06-01T16:00"),
        ("2026-06-01T13:30:00Z", "core", "06-01T16:00", "06-02T09:30", "06-01T16:00"),
        ("2026-06-01T20:00:00Z", "post", "06-01T20:00", "06-02T09:30", "06-02T16:00"),
        ("2026-06-02T00:00:00Z", "closed", "06-02T04:00", "06-02T09:30", "06-02T16:00"),
        # The half day after Thanksgiving, in winter time.
        ("2026-11-27T17:59:59Z", "core", "11-27T13:00", "11-30T09:30", "11-27T13:00"),
        ("2026-11-27T18:00:00Z", "post", "11-27T17:00", "11-30T09:30", "11-30T16:00"),
        ("2026-11-27T22:00:00Z", "closed", "11-30T04:00", "11-30T09:30", "11-30T16:00"),
    ],
)
async def test_a_market_goes_through_its_phases(
    client: Client, time: str, phase: str, until: str, next_open: str, next_close: str
) -> None:
    answer = await client.ask("GET", "/v3/clock", markets="XNYS", time=time)
    (clock,) = answer["clocks"]
    assert (clock["phase"], clock["market"]["acronym"]) == (phase, "NYSE")
    assert clock["is_market_day"]
    names = ("phase_until", "next_market_open", "next_market_close")
    told = [clock[name][5:16] for name in names]
    assert told == [until, next_open, next_close]


async def test_a_holiday_is_no_market_day(client: Client) -> None:
    answer = await client.ask("GET", "/v3/clock", markets="NYSE", time="2026-11-26T15:00:00Z")
    (clock,) = answer["clocks"]
    assert (clock["phase"], clock["is_market_day"]) == ("closed", False)
    assert clock["phase_until"] == "2026-11-27T04:00:00-05:00"


async def test_the_overnight_market_is_open_when_the_others_sleep(client: Client) -> None:
    answer = await client.ask(
        "GET", "/v3/clock", markets="BOATS,OPRA", time="2026-06-02T01:00:00Z"
    )
    night, options = answer["clocks"]
    assert (night["phase"], night["phase_until"]) == ("core", "2026-06-02T04:00:00-04:00")
    assert (options["phase"], options["phase_until"]) == ("closed", "2026-06-02T09:30:00-04:00")
    for time, is_day in (("2026-06-07T23:00:00Z", False), ("2026-06-08T01:00:00Z", True)):
        answer = await client.ask("GET", "/v3/clock", markets="BOATS,NYSE", time=time)
        night, day = answer["clocks"]
        assert (night["is_market_day"], day["is_market_day"]) == (is_day, False)


def test_the_overnight_clock_says_core_exactly_while_the_venue_trades_overnight() -> None:
    """An hour at a time from Wednesday before Thanksgiving to the Monday after, half day and all.

    A night is also a day of the overnight market's calendar.
    """

    async def main() -> None:
        start_ns = moment_ns("2026-11-25T17:00:00Z", "start")
        async with an_exchange(start_ns=start_ns) as client:
            venue = client.front.server.venue
            days = await client.ask("GET", "/v3/calendar/BOATS", start="2026-11-25")
            spans = [
                (moment_ns(day["core_start"], ""), moment_ns(day["core_end"], ""))
                for day in days["calendar"]
            ]
            seen = set()
            for _ in range(125):
                await client.ask("POST", "/_exchange/clock", {"advance": 3600})
                (clock,) = (await client.ask("GET", "/v3/clock", markets="BOATS"))["clocks"]
                is_night = venue.routing.phase == NIGHT
                now_ns = client.front.server.now_ns
                assert (clock["phase"] == "core") == is_night
                assert any(begin <= now_ns < end for begin, end in spans) == is_night
                seen.add(clock["phase"])
            assert seen == {"core", "closed"}

    virtually(main)


async def test_the_clocks_tell_the_time_of_the_market_unless_told(client: Client) -> None:
    answer = await client.ask("GET", "/v3/clock")
    assert {clock["timestamp"][:16] for clock in answer["clocks"]} == {"2026-06-01T10:00"}
    assert len(answer["clocks"]) == 6


async def test_a_market_calendar_has_a_week_with_all_phases(client: Client) -> None:
    answer = await client.ask("GET", "/v3/calendar/NASDAQ", start="2026-11-25")
    assert answer["market"]["mic"] == "XNAS"
    assert [day["date"] for day in answer["calendar"]] == [
        *("2026-11-25", "2026-11-27", "2026-11-30", "2026-12-01", "2026-12-02"),
    ]
    assert answer["calendar"][1] == {
        "date": "2026-11-27",
        "pre_start": "2026-11-27T04:00:00-05:00",
        "pre_end": "2026-11-27T09:30:00-05:00",
        "core_start": "2026-11-27T09:30:00-05:00",
        "core_end": "2026-11-27T13:00:00-05:00",
        "post_start": "2026-11-27T13:00:00-05:00",
        "post_end": "2026-11-27T17:00:00-05:00",
        "settlement_date": "2026-11-30",
    }


async def test_a_market_calendar_in_utc(client: Client) -> None:
    answer = await client.ask(
        "GET", "/v3/calendar/OTC", start="2026-06-01", end="2026-06-01", timezone="UTC"
    )
    (day,) = answer["calendar"]
    assert (day["core_start"], day["core_end"]) == ("2026-06-01T13:30:00Z", "2026-06-01T20:00:00Z")
    assert "pre_start" not in day


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v2/calendar", {"start": "today"}),
        ("/v2/calendar", {"date_type": "BOTH"}),
        ("/v3/clock", {"markets": "NYSE,MOON"}),
        ("/v3/clock", {"time": "noon"}),
        ("/v3/clock", {"time": "9999-12-31T00:00:00Z"}),
        ("/v3/calendar/MOON", {}),
        ("/v3/calendar/NYSE", {"end": "2026-05-01"}),
        ("/v3/calendar/NYSE", {"timezone": "Europe/Berlin"}),
        ("/v3/calendar/NYSE", {"start": "9999-12-31"}),
    ],
)
async def test_wrong_questions_about_hours_are_400(
    client: Client, path: str, query: dict[str, str]
) -> None:
    refusal = await client.ask("GET", path, None, 400, **query)
    assert refusal["code"] == 40010001
    assert refusal["message"]
