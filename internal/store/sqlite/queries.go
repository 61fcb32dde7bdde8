package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// Every query stands here or, where it is put together from filters, in
// rows.go.
const (
	selectHead  = `SELECT size, note FROM head WHERE id = 1`
	insertHead  = `INSERT INTO head (id, size, note) VALUES (1, 0, ?) ON CONFLICT (id) DO NOTHING`
	updateHead  = `UPDATE head SET size = ?1, note = ?2, counted = CASE counted WHEN size THEN ?1 ELSE counted END WHERE id = 1`
	countEvents = `SELECT count(*), coalesce(max(seq) + 1, 0) FROM events`

	selectVersions = `WITH wanted (name) AS (VALUES %s) SELECT name, (SELECT version FROM events WHERE stream = name
		ORDER BY version DESC LIMIT 1) AS newest FROM wanted WHERE newest IS NOT NULL`
	insertEvents   = `INSERT INTO events (seq, stream, version, leaf) VALUES %s`
	insertPrivates = `INSERT INTO private (seq, kept) VALUES %s`
	upsertTile     = `INSERT INTO tiles (id, hashes) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET hashes = excluded.hashes`
	selectTile     = `SELECT hashes FROM tiles WHERE id = ?`

	selectRecords = `SELECT e.seq, e.stream, e.version, e.leaf, p.kept FROM events e LEFT JOIN private p ON p.seq = e.seq `
	ofStream      = `WHERE e.stream = ? AND e.version > ? ORDER BY e.version`
	fromSeq       = `WHERE e.seq >= ? ORDER BY e.seq LIMIT ?`

	rowColumns = `id, subject, person, action, status, tier, desk, agent, case_code, opened, changed, version, state`
	selectRow  = `SELECT ` + rowColumns + ` FROM requests `
	newest     = ` ORDER BY id DESC LIMIT ?`
	// The partial index of case codes needs to hear that they are not empty.
	selectCases = `WITH wanted (code) AS (VALUES %s) SELECT code, id FROM wanted JOIN requests ON case_code = code AND case_code <> ''`
	upsertRows  = `INSERT INTO requests (` + rowColumns + `) VALUES %s
		ON CONFLICT (id) DO UPDATE SET subject = excluded.subject, person = excluded.person, action = excluded.action,
		status = excluded.status, tier = excluded.tier, desk = excluded.desk, agent = excluded.agent,
		case_code = excluded.case_code, opened = excluded.opened, changed = excluded.changed,
		version = excluded.version, state = excluded.state`

	itemColumns = `shelf, key, owner, value, version, coalesce(expires, 0)`
	selectItem  = `SELECT ` + itemColumns + ` FROM items WHERE shelf = ? AND key = ? AND (expires IS NULL OR expires > ?)`
	selectItems = `SELECT ` + itemColumns + ` FROM items WHERE shelf = ? AND owner = ? AND (expires IS NULL OR expires > ?) ORDER BY key`
	selectShelf = `SELECT ` + itemColumns + ` FROM items WHERE shelf = ? AND (expires IS NULL OR expires > ?) ORDER BY owner, key LIMIT ?`
	liveVersion = `SELECT version FROM items WHERE shelf = ? AND key = ? AND (expires IS NULL OR expires > ?)`
	upsertItem  = `INSERT INTO items (shelf, key, owner, value, version, expires) VALUES (?, ?, ?, ?, ?, nullif(?, 0))
		ON CONFLICT (shelf, key) DO UPDATE SET owner = excluded.owner, value = excluded.value,
		version = excluded.version, expires = excluded.expires`
	deleteItem = `DELETE FROM items WHERE shelf = ? AND key = ?`
	sweepItems = `DELETE FROM items WHERE expires < ?`

	selectCounted = `SELECT counted_by, counted = size FROM head WHERE id = 1`
	updateCounted = `UPDATE head SET counted = size, counted_by = ? WHERE id = 1 AND size = ?`
	deleteCounts  = `DELETE FROM counts`
	deleteFigures = `DELETE FROM figures`
	// A conflict changes nothing, but has the id returned.
	insertFigure = `INSERT INTO figures (name, labels) VALUES (?, ?) ON CONFLICT (name, labels) DO UPDATE SET name = name RETURNING id`
	upsertCounts = `INSERT INTO counts (figure, day, n) VALUES %s ON CONFLICT (figure, day) DO UPDATE SET n = n + excluded.n`
	selectDays   = `SELECT name, labels, day, n FROM figures JOIN counts ON figure = id AND day BETWEEN ? AND ?
		%s ORDER BY name, labels, day`
	// Figure by figure: to group all of them at once would sort every day.
	selectSums = `SELECT name, labels, 0, (SELECT sum(n) FROM counts WHERE figure = id AND day BETWEEN ? AND ?) FROM figures
		%s ORDER BY name, labels`

	ping = `UPDATE pings SET count = count + 1 WHERE id = 1`

	// The file is locked to this process and Work is not running yet: whatever
	// is marked as running or leading belongs to a process that is gone.
	releaseJobs  = `UPDATE river_job SET state = 'available' WHERE state = 'running'`
	forgetLeader = `DELETE FROM river_leader`
	// River looks at scheduled jobs every five seconds; a job that is
	// available already is fetched when its time comes.
	readyJob = `UPDATE river_job SET state = 'available' WHERE id = ? AND state = 'scheduled'`
)

// statements are the sequencer's, prepared once for its connection.
type statements struct {
	tile, head, itemVersion, item, forgets, figure  *sql.Stmt
	versions, cases, events, privates, rows, counts bulk
}

func (st *statements) all() map[**sql.Stmt]string {
	return map[**sql.Stmt]string{
		&st.tile: upsertTile, &st.head: updateHead, &st.itemVersion: liveVersion, &st.item: upsertItem, &st.forgets: deleteItem,
		&st.figure: insertFigure,
	}
}

func (st *statements) bulks() []*bulk {
	return []*bulk{&st.versions, &st.cases, &st.events, &st.privates, &st.rows, &st.counts}
}

func (st *statements) prepare(ctx context.Context, db *sql.DB) error {
	for stmt, query := range st.all() {
		var err error
		if *stmt, err = db.PrepareContext(ctx, query); err != nil {
			return fmt.Errorf("preparing %q: %w", query, err)
		}
	}
	st.versions = bulk{query: selectVersions, columns: 1}
	st.cases = bulk{query: selectCases, columns: 1}
	st.events = bulk{query: insertEvents, columns: 4}
	st.privates = bulk{query: insertPrivates, columns: 2}
	st.rows = bulk{query: upsertRows, columns: 13}
	st.counts = bulk{query: upsertCounts, columns: 3}
	for _, k := range st.bulks() {
		if err := k.prepare(ctx, db); err != nil {
			return err
		}
	}
	return nil
}

func (st *statements) close() {
	for stmt := range st.all() {
		if *stmt != nil {
			(*stmt).Close()
		}
	}
	for _, k := range st.bulks() {
		k.close()
	}
}
