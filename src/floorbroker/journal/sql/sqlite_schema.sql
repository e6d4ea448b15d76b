-- A journal in one SQLite file. Run inside one transaction, so that a crash leaves all of it or
-- nothing. The application id reads "flbr"; the user version is the version of this layout.

PRAGMA application_id = 0x666C6272;
PRAGMA user_version = 1;

-- The journal's cover: its name, and the epoch that every opening for writing raises. The anchor is
-- a head of the chain, remembered at each opening, snapshot and closing, so that cutting off the
-- records before it shows.
CREATE TABLE cover (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    journal_id TEXT NOT NULL,
    created_time TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    anchor_seq INTEGER NOT NULL,
    anchor_hash BLOB NOT NULL,
    seal BLOB NOT NULL
);

-- The records, one row for each append: JSON lines and 32 bytes of hash for each of them.
CREATE TABLE batches (
    first_seq INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    format INTEGER NOT NULL,
    records BLOB NOT NULL,
    hashes BLOB NOT NULL
);

-- Orders that ended and left the engine's memory, with the number of the record after which they
-- did. Times are microseconds since 1970 in UTC.
CREATE TABLE ended_orders (
    cl_ord_id TEXT PRIMARY KEY,
    created_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    seal BLOB NOT NULL
) WITHOUT ROWID;

-- For listings, newest first. Orders end roughly in the order in which they were made, so this
-- index grows at its end and stays cheap.
CREATE INDEX ended_orders_by_created ON ended_orders (created_us);

-- For whoever looks back from now. Files made before it was there get it when they are opened.
CREATE INDEX ended_orders_by_seq ON ended_orders (seq);

-- The one snapshot: a cache of the engine's state after record `seq`.
CREATE TABLE snapshot (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    body BLOB NOT NULL,
    seal BLOB NOT NULL
);
