package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/internal/ledger"
)

// maxDifferences bounds an IntegrityReport.
const maxDifferences = 100

const checkPage = 256

// IntegrityReport says what Check went through and what it found.
type IntegrityReport struct {
	Checkpoint ledger.Checkpoint // the signed head that everything was held against
	Entries    uint64            // read and found to have the hash that is stored for them
	Streams    int
	Rows       int // compared byte by byte
	// Differences are sentences, each naming an entry, a stream or a row. At
	// most 100 are kept; More counts the others.
	Differences []string
	More        int
}

// OK reports whether nothing differs.
func (r IntegrityReport) OK() bool { return len(r.Differences) == 0 }

func (r *IntegrityReport) differ(format string, args ...any) {
	if len(r.Differences) == maxDifferences {
		r.More++
		return
	}
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// Check reads everything that st holds and holds it against the newest signed
// checkpoint: every entry has its hash, the hashes have the signed root, the
// versions of every stream are dense, private values match their commitments,
// and what fold makes of a stream is exactly its row. fold returns nil for a
// stream that has no row. An error means that the check could not be carried
// out; what it found is in the report. Commits may go on meanwhile: entries
// newer than the checkpoint are left out.
func Check(ctx context.Context, st Store, origin string, verifiers note.Verifiers, fold func(stream string, records []Record) (*Row, error)) (IntegrityReport, error) {
	var report IntegrityReport
	signed, err := st.Checkpoint(ctx)
	if err != nil {
		return report, fmt.Errorf("store: checking the ledger: %w", err)
	}
	if report.Checkpoint, err = ledger.ParseCheckpoint(origin, signed, verifiers); err != nil {
		report.differ("the newest checkpoint: %v", err)
		return report, nil
	}
	c := check{ctx: ctx, st: st, report: &report, versions: map[string]uint64{}}
	if err := c.entries(); err != nil {
		return report, fmt.Errorf("store: checking the ledger: %w", err)
	}
	if err := c.rows(fold); err != nil {
		return report, fmt.Errorf("store: checking the read table: %w", err)
	}
	return report, nil
}

type check struct {
	ctx      context.Context
	st       Store
	report   *IntegrityReport
	frontier ledger.Frontier
	versions map[string]uint64 // of each stream's newest entry
	streams  []string          // in the order of their first entries
}

func (c *check) entries() error {
	size := c.report.Checkpoint.Size
	for from := uint64(0); from < size; from += checkPage {
		if err := c.page(from, int(min(checkPage, size-from))); err != nil {
			return err
		}
	}
	if root := c.frontier.Root(); root != c.report.Checkpoint.Root {
		c.report.differ("the root over all %d entries is %s, the signed checkpoint says %s", size, root, c.report.Checkpoint.Root)
	}
	c.report.Streams = len(c.streams)
	return nil
}

// page checks n entries. Those that are missing or wrong are named, and their
// stored hash stands in for them, so that the rest can be judged.
func (c *check) page(from uint64, n int) error {
	indexes := make([]int64, n)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, int64(from)+int64(i))
	}
	hashes, err := c.st.Nodes(c.ctx).ReadHashes(indexes)
	if err != nil {
		if c.ctx.Err() != nil {
			return err
		}
		c.report.differ("the stored hashes of entries %d to %d cannot be read: %v", from, from+uint64(n)-1, err)
	}
	records, err := c.read(from, n)
	if err != nil {
		return err
	}
	for i := range n {
		seq := from + uint64(i)
		r, ok := records[seq]
		if hashes == nil && !ok {
			continue
		}
		h := r.Hash()
		if !ok {
			h = hashes[i]
		} else if hashes != nil && h != hashes[i] {
			c.report.differ("entry %d (version %d of stream %q) does not have the hash that is stored for it", seq, r.Version, r.Stream)
		} else {
			c.report.Entries++
		}
		c.frontier.Append(h)
		if ok {
			c.record(r)
		}
	}
	return nil
}

// read returns the entries of a page that can be read, by position.
func (c *check) read(from uint64, n int) (map[uint64]Record, error) {
	out := map[uint64]Record{}
	page, err := c.st.Records(c.ctx, from, n)
	if err == nil {
		for _, r := range page {
			out[r.Seq] = r
		}
	} else {
		if c.ctx.Err() != nil {
			return nil, err
		}
		c.readSingly(from, n, out)
	}
	if err == nil {
		for i := range uint64(n) {
			if _, ok := out[from+i]; !ok {
				c.report.differ("entry %d is missing", from+i)
			}
		}
	}
	return out, nil
}

func (c *check) readSingly(from uint64, n int, out map[uint64]Record) {
	for seq := from; seq < from+uint64(n); seq++ {
		one, err := c.st.Records(c.ctx, seq, 1)
		switch {
		case err != nil:
			c.report.differ("entry %d cannot be read: %v", seq, err)
		case len(one) == 0 || one[0].Seq != seq:
			c.report.differ("entry %d is missing", seq)
		default:
			out[seq] = one[0]
		}
	}
}

func (c *check) record(r Record) {
	version, known := c.versions[r.Stream]
	if !known {
		c.streams = append(c.streams, r.Stream)
	}
	if r.Version != version+1 {
		c.report.differ("entry %d is version %d of stream %q, after version %d", r.Seq, r.Version, r.Stream, version)
	}
	c.versions[r.Stream] = r.Version
	if err := ledger.CheckPrivate(r.Body, r.Private); err != nil {
		c.report.differ("entry %d (version %d of stream %q): %v", r.Seq, r.Version, r.Stream, err)
	}
}

// rows folds every stream and compares, then looks for rows without a stream.
func (c *check) rows(fold func(string, []Record) (*Row, error)) error {
	for _, stream := range c.streams {
		if err := c.row(stream, fold); err != nil {
			return err
		}
	}
	q := RowQuery{Limit: checkPage}
	for {
		page, err := c.st.Rows(c.ctx, q)
		if err != nil {
			return err
		}
		for _, row := range page {
			if err := c.founded(row.ID); err != nil {
				return err
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		q.Before = page[len(page)-1].ID
	}
}

// founded checks that a row has a stream. One that has come into being since
// the checkpoint is not in c.versions, but on the ledger.
func (c *check) founded(id string) error {
	if _, ok := c.versions[id]; ok {
		return nil
	}
	_, err := c.st.Stream(c.ctx, id)
	if errors.Is(err, ErrNotFound) {
		c.report.differ("row %q has no entries on the ledger", id)
		return nil
	}
	return err
}

// row compares a stream's fold with its row. A commit between reading the one
// and the other shows in the versions; then both are read again.
func (c *check) row(stream string, fold func(string, []Record) (*Row, error)) error {
	const tries = 10
	for try := range tries {
		row, found, records, err := c.both(stream)
		if err != nil {
			return err
		}
		if records == nil {
			return nil // its entries cannot be read, which has been said
		}
		want, err := fold(stream, records)
		if err != nil {
			c.report.differ("stream %q cannot be folded: %v", stream, err)
			return nil
		}
		settled := want == nil || !found || want.Version == row.Version
		if settled || try == tries-1 {
			c.compare(stream, want, row, found)
			return nil
		}
	}
	return nil
}

func (c *check) both(stream string) (row Row, found bool, records []Record, err error) {
	row, err = c.st.Row(c.ctx, stream)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return row, false, nil, err
	}
	found = err == nil
	records, err = c.st.Stream(c.ctx, stream)
	if err != nil && c.ctx.Err() == nil {
		return row, found, nil, nil
	}
	return row, found, records, err
}

func (c *check) compare(stream string, want *Row, got Row, found bool) {
	switch {
	case want == nil && found:
		c.report.differ("row %q should not exist", stream)
	case want != nil && !found:
		c.report.differ("row %q is missing", stream)
	case want != nil:
		c.report.Rows++
		a, errA := ledger.Marshal(*want)
		b, errB := ledger.Marshal(got)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			c.report.differ("row %q is not what its %d entries say: it is %s, it should be %s", stream, got.Version, b, a)
		}
	}
}
