-- +goose Up

-- What figures are made of: how often something happened on a day. It follows
-- from the ledger and can be counted again. A figure is a name and its labels,
-- a JSON array of texts.
CREATE TABLE figures (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    labels TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX figures_name ON figures (name, labels);

-- day counts from 1970-01-01, in UTC. A row is three small numbers and a
-- figure's days lie side by side, so adding up a quarter reads few pages.
CREATE TABLE counts (
    figure INTEGER NOT NULL REFERENCES figures (id),
    day    INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (figure, day)
) STRICT, WITHOUT ROWID;

-- How many entries of the ledger have been counted, and by which rules. A
-- program that does not count leaves counted behind size.
ALTER TABLE head ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN counted_by TEXT NOT NULL DEFAULT '';
