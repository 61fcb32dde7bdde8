package sqlite

import (
	"fmt"

	"countersign/internal/store"
)

// head is what a commit to a stream is judged by.
type head struct {
	version  uint64
	caseCode string // that its row is known to have; "" when it has none, or it is unknown
}

// heads remembers the newest version of streams. The sequencer is the only
// writer, so what it has committed stays true until it commits again.
type heads map[string]head

// maxHeads bounds how many streams are remembered between groups.
const maxHeads = 1 << 14

// learn takes over what a committed group left behind.
func (h heads) learn(group heads) {
	if len(h)+len(group) > maxHeads {
		clear(h)
	}
	for stream, head := range group {
		h[stream] = head
	}
}

// load reads what the group's commits are judged by, as far as it is not known.
func (b *batch) load(group []*request) error {
	var streams, codes []any
	for _, r := range group {
		c := r.commit
		if c == nil {
			continue
		}
		for _, f := range c.Rests {
			streams = append(streams, b.recall(f.Stream)...)
		}
		if c.Stream == "" {
			continue
		}
		streams = append(streams, b.recall(c.Stream)...)
		if row := c.Row; row != nil && row.Case != "" && row.Case != b.heads[c.Stream].caseCode {
			codes = append(codes, row.Case)
		}
	}
	err := look(b, &b.s.st.versions, streams, func(stream string, newest uint64) { b.heads[stream] = head{version: newest} })
	if err != nil {
		return fmt.Errorf("sqlite: reading the streams' versions: %w", err)
	}
	err = look(b, &b.s.st.cases, codes, func(code, id string) { b.owners[code] = id })
	if err != nil {
		return fmt.Errorf("sqlite: looking up case codes: %w", err)
	}
	return nil
}

// recall takes what is remembered of a stream into the batch. It returns the
// stream when nothing is: then it has to be read.
func (b *batch) recall(stream string) []any {
	if _, ok := b.heads[stream]; ok {
		return nil
	}
	known, ok := b.s.heads[stream]
	b.heads[stream] = known
	if ok {
		return nil
	}
	return []any{stream}
}

func (b *batch) checkStream(c *prepared) error {
	if newest := b.heads[c.Stream].version; newest != c.Expect && c.Stream != "" {
		return fmt.Errorf("%w: the stream is at version %d, not %d", store.ErrConflict, newest, c.Expect)
	}
	for _, f := range c.Rests {
		if newest := b.heads[f.Stream].version; newest != f.Version {
			return fmt.Errorf("%w: stream %q, which this rests on, is at version %d, not %d", store.ErrConflict, f.Stream, newest, f.Version)
		}
	}
	return nil
}

// checkCase keeps public case codes unique. A code that a request gives up is
// free for others from the next group on.
func (b *batch) checkCase(r *store.Row) error {
	if r == nil || r.Case == "" {
		return nil
	}
	if id, taken := b.owners[r.Case]; taken && id != r.ID {
		return fmt.Errorf("%w: the case code is taken", store.ErrConflict)
	}
	return nil
}

// keepHead remembers where a commit leaves its stream.
func (b *batch) keepHead(c *prepared) {
	if c.Stream == "" {
		return
	}
	h := head{version: c.Expect + uint64(len(c.leaves)), caseCode: b.heads[c.Stream].caseCode}
	if c.Row != nil {
		if h.caseCode = c.Row.Case; h.caseCode != "" {
			b.owners[h.caseCode] = c.Row.ID
		}
	}
	b.heads[c.Stream] = h
}
