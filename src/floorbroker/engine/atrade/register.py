"""The thirteen at-trade controls: what each says, by default, and what follows when it fires."""

from msgspec import Struct


class Entry(Struct, frozen=True, kw_only=True):
    """One control as it is documented."""

    id: str
    name: str
    definition: str
    default: str
    on_breach: str
    why: str


GUARDS: tuple[Entry, ...] = (
    Entry(
        id="A01",
        name="kill switch",
        definition="Three levels: block new orders; cancel every open one, UNKNOWN included, until"
        " the broker shows none; close every position. Journaled first, survives a restart.",
        default="always installed",
        on_breach="halt",
        why="One place stops everything.",
    ),
    Entry(
        id="A02",
        name="out-of-band kill",
        definition="`floorbroker kill` sets a latch and cancels at the broker by itself, with the"
        " desk running, hung or dead.",
        default="always installed",
        on_breach="halt",
        why="A desk that hangs cannot be asked to stop.",
    ),
    Entry(
        id="A03",
        name="dead-man",
        definition="`floorbroker watchdog` sees no heartbeat of an open desk for so long.",
        default="heartbeat_max_s 60; cancels only with --cancel",
        on_breach="tell; with --cancel, cancel every open order",
        why="The broker offers no cancel on disconnect.",
    ),
    Entry(
        id="A04",
        name="stream-ready",
        definition="New orders only while the order stream is authorised and its gap is filled.",
        default="stream_ready_timeout_s 2",
        on_breach="wait, then deny",
        why="Who does not hear of executions does not know what is held.",
    ),
    Entry(
        id="A05",
        name="data sanity",
        definition="Of a symbol that is held or has orders: the mid moves at most so far within"
        " the window, is not locked or crossed for long, and is not stale.",
        default="jump_share_max 0.05 in jump_window_s 60; crossed_max_s 5; stale_max_s 30",
        on_breach="pause the symbol until it was sane for sane_s 60",
        why="Prices that make no sense make orders that make none.",
    ),
    Entry(
        id="A06",
        name="reject breaker",
        definition="A strategy's orders are not rejected for the same reason again and again, nor"
        " often.",
        default="rejects_row_max 2; rejects_max 4 in rejects_window_s 60",
        on_breach="disable the strategy until somebody enables it",
        why="A program that is always refused does not know why, and does not stop.",
    ),
    Entry(
        id="A07",
        name="broker-health breaker",
        definition="Few submits remain without a clear answer, and acknowledgements are quick.",
        default="doubts_max 1 in doubts_window_s 300; ack_p95_max_s 5 of ack_samples_min 20",
        on_breach="reduce",
        why="At a broker that does not answer, every order is an unknown one.",
    ),
    Entry(
        id="A08",
        name="wire conservation",
        definition="Requests sent are never more than SEND records, looked at each second; every"
        " order at the broker with an id of ours has its intent.",
        default="tolerance 0",
        on_breach="halt",
        why="What Knight Capital lacked: what goes out against what was asked for.",
    ),
    Entry(
        id="A09",
        name="fill sanity",
        definition="An execution lies near the price by which its order was decided on, is not"
        " more than was asked for, and not of an order that had ended. It is booked all the same.",
        default="fill_share_max 0.05; fill_surprises_pause true",
        on_breach="pause the symbol, alert",
        why="A fill that cannot be right is the first sign of many things.",
    ),
    Entry(
        id="A10",
        name="clock",
        definition="This machine's clock and the broker's differ by less than this.",
        default="skew_warn_s 1; skew_max_s 5; asked each skew_every_s 60",
        on_breach="warn; reduce",
        why="Lifetimes, sessions and freshness are all told by a clock.",
    ),
    Entry(
        id="A11",
        name="journal health",
        definition="Every append and fsync succeeds, and the disk has room. A failed fsync is not"
        " tried again: the desk ends, and the next start recovers.",
        default="free_bytes_min 1 GiB",
        on_breach="halt; end",
        why="What cannot be written down must not be sent.",
    ),
    Entry(
        id="A12",
        name="build identity",
        definition="Code, settings, limits and schema are those that were armed; an unknown"
        " setting is refused at the start.",
        default="must_match_build true",
        on_breach="refuse",
        why="Knight Capital's eighth server ran other code.",
    ),
    Entry(
        id="A13",
        name="alerts",
        definition="An alert stays open until somebody acknowledges it, over restarts, and is told"
        " again as long as nobody has.",
        default="told at once; alert_repeat_s 60",
        on_breach="tell again",
        why="Ninety-seven e-mails that nobody had to read.",
    ),
)
