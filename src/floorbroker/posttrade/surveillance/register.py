"""The seven post-trade controls: what each says, by default, and what follows when it fires."""

from floorbroker.engine.atrade.register import Entry

CHECKS: tuple[Entry, ...] = (
    Entry(
        id="T01",
        name="position reconciliation",
        definition="Our position of each symbol, the sum of its executions, is the broker's.",
        default="each 30 s, and after the stream was lost; exact",
        on_breach="block the symbol",
        why="Everything else is decided on it.",
    ),
    Entry(
        id="T02",
        name="order reconciliation",
        definition="The same orders are open here and there, and stand alike; orders from"
        " elsewhere are taken into the book as external.",
        default="each 15 s, in full at the start",
        on_breach="block the symbol",
        why="An order that nobody knows of still fills.",
    ),
    Entry(
        id="T03",
        name="fill reconciliation",
        definition="The executions in the journal are those of the broker's own list, one by one.",
        default="each 5 min, and at the end of the day",
        on_breach="book what is proven, alert",
        why="A second channel tells what the first one lost.",
    ),
    Entry(
        id="T04",
        name="cash reconciliation",
        definition="The cash changed by executions, fees, transfers and dividends alone.",
        default="to the cent",
        on_breach="alert",
        why="Money tells what shares do not.",
    ),
    Entry(
        id="T05",
        name="day-end pack",
        definition="`floorbroker report day`: breaks, denials by control, limit changes, UNKNOWN"
        " history, alerts and who acknowledged them, the journal's head.",
        default="each day",
        on_breach="-",
        why="What was not looked at on the day is looked at never.",
    ),
    Entry(
        id="T06",
        name="surveillance",
        definition="Own orders that may have met, trading in the last minutes before the close,"
        " and many canceled orders for few that filled.",
        default="self-trades 0; last 10 min at most 0.30 of the day; 10 canceled for 1 filled",
        on_breach="review",
        why="What looks like misconduct should be seen here first.",
    ),
    Entry(
        id="T07",
        name="control self-test",
        definition="`floorbroker doctor --controls` fires every control on its own exchange.",
        default="each release",
        on_breach="no release",
        why="A control that never fires may be none.",
    ),
)
