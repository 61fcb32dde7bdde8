// Package pages asks how long the server takes to make a page of the console:
// from the request to the last byte, without the network, for a signed-in
// member of staff. The same pages are asked of a house in which little has
// happened, and of one with a million requests.
//
// The million are not played through one by one, which would take hours. A
// handful of lives is, through the real door, and each is pressed many times
// onto the same ledger: with ids, people, desks and times of its own, hashed,
// covered by the signed head and counted as any other. What a copy lacks are
// the personal values behind its commitments, as after their erasure, and the
// notices that went out.
package pages

import (
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	_ "modernc.org/sqlite" // the driver named "sqlite"

	"countersign/internal/gate"
	"countersign/internal/ledger"
	"countersign/internal/store"
)

// names are what a copy says otherwise than the life it was pressed from.
type names struct {
	stream, subject, person, desk, agent, code string
	later                                      time.Duration
}

// piece of a text is either as it was, or a name or a time to be replaced.
type piece struct {
	text string
	of   func(n names) string
}

// stencil is a text ready to be pressed.
type stencil []piece

var stamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`)

// cut finds the names and times of a life in a text.
func cut(text string, n names) (s stencil) {
	values := []struct {
		old string
		new func(names) string
	}{
		{n.stream, func(n names) string { return n.stream }}, {n.subject, func(n names) string { return n.subject }},
		{n.person, func(n names) string { return n.person }}, {n.agent, func(n names) string { return n.agent }},
		{n.desk, func(n names) string { return n.desk }}, {n.code, func(n names) string { return n.code }},
	}
	from := 0
	add := func(i, length int, of func(names) string) {
		s = append(s, piece{text: text[from:i]}, piece{of: of})
		from = i + length
	}
	for i := 0; i < len(text); i++ {
		if i == 0 || text[i-1] != '"' {
			continue
		}
		if at := stamp.FindString(text[i:]); at != "" {
			when, err := time.Parse(time.RFC3339Nano, at)
			if err == nil {
				add(i, len(at), func(n names) string { return when.Add(n.later).Format(time.RFC3339Nano) })
				i = from
				continue
			}
		}
		for _, v := range values {
			if v.old != "" && strings.HasPrefix(text[i:], v.old+`"`) {
				add(i, len(v.old), v.new)
				i = from
				break
			}
		}
	}
	return append(s, piece{text: text[from:]})
}

func (s stencil) press(n names) string {
	var b strings.Builder
	for _, p := range s {
		if p.of != nil {
			b.WriteString(p.of(n))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// life is a request that was really played, cut for pressing.
type life struct {
	names
	row    store.Row
	state  stencil
	leaves []ledger.Leaf
	bodies []stencil
	counts []store.Count
}

// lifeOf takes one from a store. What went out as notices is left away.
func lifeOf(row store.Row, records []store.Record) (life, error) {
	l := life{row: row, names: names{stream: row.ID, subject: string(row.Subject), person: string(row.Person), desk: row.Desk, agent: string(row.Agent), code: row.Case}}
	l.state = cut(string(row.State), l.names)
	for _, r := range records {
		l.leaves = append(l.leaves, r.Leaf)
		l.bodies = append(l.bodies, cut(string(r.Body), l.names))
	}
	var err error
	l.counts, err = gate.CountStream(row.ID, records)
	return l, err
}

// presser writes copies into a closed store's file.
type presser struct {
	db       *sql.DB
	tx       *sql.Tx
	event    *sql.Stmt
	row      *sql.Stmt
	tile     *sql.Stmt
	frontier ledger.Frontier
	open     [6]struct {
		n      int64
		hashes []byte
	}
	sum store.Sum
}

const (
	insertEvent = `INSERT INTO events (seq, stream, version, leaf) VALUES (?, ?, ?, ?)`
	insertRow   = `INSERT INTO requests (id, subject, person, action, status, tier, desk, agent, case_code, opened, changed, version, state)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertTile = `INSERT INTO tiles (id, hashes) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET hashes = excluded.hashes`
)

// newPresser begins where the ledger ends. Nothing need survive a crash here.
func newPresser(path string) (*presser, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-400000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	p := &presser{db: db}
	if p.tx, err = db.Begin(); err != nil {
		return nil, err
	}
	for query, into := range map[string]**sql.Stmt{insertEvent: &p.event, insertRow: &p.row, insertTile: &p.tile} {
		if *into, err = p.tx.Prepare(query); err != nil {
			return nil, err
		}
	}
	return p, p.replay()
}

// replay hashes what is there already.
func (p *presser) replay() error {
	rows, err := p.tx.Query(`SELECT leaf FROM events ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			return err
		}
		if err := p.append(leaf); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (p *presser) append(leaf []byte) error {
	for height, h := range p.frontier.Append(ledger.HashLeaf(leaf)) {
		level := height / 8
		if height%8 != 0 || level >= len(p.open) {
			continue
		}
		t := &p.open[level]
		if t.hashes = append(t.hashes, h[:]...); len(t.hashes) < ledger.TileWidth*tlog.HashSize {
			continue
		}
		if _, err := p.tile.Exec(int64(level)<<48|t.n, t.hashes); err != nil {
			return err
		}
		t.n, t.hashes = t.n+1, t.hashes[:0]
	}
	return nil
}

// press writes one copy of a life.
func (p *presser) press(l life, n names) error {
	for i, leaf := range l.leaves {
		leaf.Seq, leaf.Stream, leaf.At, leaf.Body = p.frontier.Size(), n.stream, leaf.At.Add(n.later), []byte(l.bodies[i].press(n))
		if leaf.Actor == l.agent {
			leaf.Actor = n.agent
		}
		raw := leaf.Bytes()
		if _, err := p.event.Exec(leaf.Seq, leaf.Stream, leaf.Version, raw); err != nil {
			return err
		}
		if err := p.append(raw); err != nil {
			return err
		}
	}
	p.count(l, n)
	r := l.row
	_, err := p.row.Exec(n.stream, n.subject, n.person, string(r.Action), r.Status, string(r.Tier), n.desk, n.agent, n.code,
		r.Opened.Add(n.later).UnixMilli(), r.Changed.Add(n.later).UnixMilli(), r.Version, []byte(l.state.press(n)))
	return err
}

func (p *presser) count(l life, n names) {
	for _, c := range l.counts {
		labels := make([]string, len(c.Labels))
		for i, label := range c.Labels {
			switch label {
			case l.desk:
				label = n.desk
			case l.agent:
				label = n.agent
			}
			labels[i] = label
		}
		p.sum.Add(store.Count{Figure: c.Figure, Labels: labels, Day: c.Day + store.Day(n.later/(24*time.Hour)), N: c.N})
	}
}

// finish signs the head and closes the file.
func (p *presser) finish(signer note.Signer) error {
	for level, t := range p.open {
		if len(t.hashes) > 0 {
			if _, err := p.tile.Exec(int64(level)<<48|t.n, t.hashes); err != nil {
				return err
			}
		}
	}
	f := p.frontier
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: signer.Name(), Size: f.Size(), Root: f.Root()}, signer)
	if err != nil {
		return err
	}
	if _, err := p.tx.Exec(`UPDATE head SET size = ?1, note = ?2, counted = ?1`, f.Size(), signed); err != nil {
		return err
	}
	if err := p.counts(); err != nil {
		return err
	}
	return errors.Join(p.tx.Commit(), p.db.Close())
}

func (p *presser) counts() error {
	for _, c := range p.sum.Counts() {
		labels := `[]`
		if len(c.Labels) > 0 {
			labels = `["` + strings.Join(c.Labels, `","`) + `"]`
		}
		var id int64
		err := p.tx.QueryRow(`INSERT INTO figures (name, labels) VALUES (?, ?) ON CONFLICT (name, labels) DO UPDATE SET name = name RETURNING id`, c.Figure, labels).Scan(&id)
		if err != nil {
			return err
		}
		_, err = p.tx.Exec(`INSERT INTO counts (figure, day, n) VALUES (?, ?, ?) ON CONFLICT (figure, day) DO UPDATE SET n = n + excluded.n`, id, int64(c.Day), c.N)
		if err != nil {
			return err
		}
	}
	return nil
}

// copyOf names the nth copy of so many, which lie evenly over a year that ends
// with the life itself: 50,000 people, 400 agents, ten desks.
func copyOf(l life, n, all int) names {
	later := -time.Duration(all-n) * (365 * 24 * time.Hour) / time.Duration(all)
	later = later.Truncate(time.Millisecond)
	at := l.row.Opened.Add(later).UnixMilli()
	who := (n * 7919) % 50_000
	c := names{
		stream: fmt.Sprintf("req_%08x-%04x-7%03x-8%03x-%012x", at>>16, at&0xffff, n>>12&0xfff, n&0xfff, n),
		person: fmt.Sprintf("person:%05d", who), subject: fmt.Sprintf("corp/%05d", who), later: later, code: codeOf(n),
	}
	if l.desk != "" {
		c.desk, c.agent = fmt.Sprintf("desk-%d", n%10), fmt.Sprintf("staff:agent-%03d", n%400)
	}
	return c
}

// codeOf is a case code that no other copy has.
func codeOf(n int) string {
	const letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	b := []byte("2222-2222")
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != '-' {
			b[i] = letters[n%len(letters)]
			n /= len(letters)
		}
	}
	return string(b)
}
