-- +goose Up

-- The newest signed checkpoint. Its text says which ledger this file is.
CREATE TABLE head (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    note BLOB NOT NULL
) STRICT;

-- The ledger: the exact bytes that were hashed. stream and version repeat what
-- the leaf says, so that a stream can be found.
CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    stream  TEXT NOT NULL,
    version INTEGER NOT NULL,
    leaf    BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_stream ON events (stream, version);

-- The values behind an event's commitments, as JSON. Rows may be erased.
CREATE TABLE private (
    seq  INTEGER PRIMARY KEY REFERENCES events (seq),
    kept BLOB NOT NULL
) STRICT;

-- Merkle hashes as C2SP tiles: id is level * 2^48 + position on the level.
CREATE TABLE tiles (
    id     INTEGER PRIMARY KEY,
    hashes BLOB NOT NULL
) STRICT;

-- The read table: one row a request. Times are Unix milliseconds.
CREATE TABLE requests (
    id        TEXT PRIMARY KEY,
    subject   TEXT NOT NULL,
    person    TEXT NOT NULL,
    action    TEXT NOT NULL,
    status    TEXT NOT NULL,
    tier      TEXT NOT NULL,
    desk      TEXT NOT NULL,
    agent     TEXT NOT NULL,
    case_code TEXT NOT NULL,
    opened    INTEGER NOT NULL,
    changed   INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    state     BLOB NOT NULL
) STRICT;
CREATE INDEX requests_subject ON requests (subject, id);
CREATE INDEX requests_person ON requests (person, id);
CREATE INDEX requests_agent ON requests (agent, id);
CREATE INDEX requests_status ON requests (status, id);
CREATE UNIQUE INDEX requests_case ON requests (case_code) WHERE case_code <> '';

-- What is kept beside the ledger. expires is in Unix milliseconds, NULL: never.
CREATE TABLE items (
    id      INTEGER PRIMARY KEY,
    shelf   TEXT NOT NULL,
    key     TEXT NOT NULL,
    owner   TEXT NOT NULL,
    value   BLOB NOT NULL,
    version INTEGER NOT NULL,
    expires INTEGER
) STRICT;
CREATE UNIQUE INDEX items_key ON items (shelf, key);
CREATE INDEX items_owner ON items (shelf, owner, key);
CREATE INDEX items_expires ON items (expires) WHERE expires IS NOT NULL;

-- Ping writes here to find out whether a write would work.
CREATE TABLE pings (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO pings (id, count) VALUES (1, 0);
