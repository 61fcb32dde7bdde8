package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxFile is the most bytes that a file of an exported ledger may have: a
// bundle of the longest leaves.
const MaxFile = TileWidth * (2 + MaxLeaf)

// ReadKey reads a verifier key (the text of a log.vkey file) and returns it with
// the origin that it is named for.
func ReadKey(text string) (origin string, v note.Verifiers, err error) {
	key, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return "", nil, fmt.Errorf("ledger: not a verifier key: %w", err)
	}
	return key.Name(), note.VerifierList(key), nil
}

// Report says what an audit went through.
type Report struct {
	Checkpoint Checkpoint
	Entries    uint64 // leaves whose hash was recomputed and found right
	Tiles      int    // hash tiles compared, all levels
	Bytes      uint64 // of leaves
}

// CheckExport reads a ledger in the C2SP tlog-tiles layout and trusts none of
// it: the checkpoint must be signed for origin, every entry must be a leaf that
// knows its own place, and every hash in every tile, up to the signed root,
// must follow from the entries. The error names the first entry or tile that
// is wrong. Time is linear in the size, memory is a tile per level.
func CheckExport(origin string, v note.Verifiers, read func(path string) ([]byte, error)) (Report, error) {
	a, err := NewAudit(origin, v, read)
	if err != nil {
		return Report{}, err
	}
	for t := range a.Bundles() {
		if err := a.Add(a.Check(t)); err != nil {
			return a.report, err
		}
	}
	return a.Finish()
}

// Audit is CheckExport in pieces, for a caller who checks several at the same
// time:
//
//	for t := range a.Bundles() { piece := a.Check(t); err := a.Add(piece); … }
//	report, err := a.Finish()
//
// Nearly all the work is in Check, which may be called for any bundles side by
// side if read may. Add takes every piece, in the order of Bundles.
type Audit struct {
	read   func(path string) ([]byte, error)
	report Report
	edge   []Hash                   // the peaks within the last, partial tile of level 0
	levels [maxTileLevel + 1][]byte // from level 1 on: hashes of the tile being filled
	done   [maxTileLevel + 1]uint64 // full tiles already compared
}

// NewAudit reads the checkpoint and checks that it is signed for origin.
func NewAudit(origin string, v note.Verifiers, read func(path string) ([]byte, error)) (*Audit, error) {
	signed, err := read(CheckpointPath)
	if err != nil {
		return nil, fmt.Errorf("ledger: reading the checkpoint: %w", err)
	}
	head, err := ParseCheckpoint(origin, signed, v)
	if err != nil {
		return nil, err
	}
	return &Audit{read: read, report: Report{Checkpoint: head}}, nil
}

// Report is what the pieces added so far have shown, beginning with the signed
// head.
func (a *Audit) Report() Report { return a.report }

// Bundles yields the bundles of entries that Check wants, in order.
func (a *Audit) Bundles() iter.Seq[Tile] {
	return func(yield func(Tile) bool) {
		for t := range tilesOf(0, a.report.Checkpoint.Size) {
			t.Entries = true
			if !yield(t) {
				return
			}
		}
	}
}

// Piece is what Check found out about one bundle.
type Piece struct {
	bundle Tile
	bytes  uint64
	peaks  []Hash // the roots of the complete subtrees over its entries
	err    error
}

// Check checks the entries of one bundle, and the tile with their hashes.
func (a *Audit) Check(bundle Tile) Piece {
	p := Piece{bundle: bundle}
	p.err = a.check(&p)
	return p
}

func (a *Audit) check(p *Piece) error {
	t := p.bundle
	t.Entries = false
	hashes, err := a.read(t.Path())
	if err != nil {
		return fmt.Errorf("reading %s: %w", t.Path(), err)
	}
	if len(hashes) != t.Width*tlog.HashSize {
		return fmt.Errorf("%s has %d bytes, not %d", t.Path(), len(hashes), t.Width*tlog.HashSize)
	}
	data, err := a.read(p.bundle.Path())
	if err != nil {
		return fmt.Errorf("reading %s: %w", p.bundle.Path(), err)
	}
	p.peaks = peaksOver(hashes)
	return p.entries(data, hashes)
}

// entries checks every entry against its hash and its place.
func (p *Piece) entries(data, hashes []byte) error {
	text := make([]byte, 1, 4096) // the zero byte that comes before a leaf that is hashed
	first := p.bundle.N * TileWidth
	for i := range p.bundle.Width {
		entry, rest, ok := cutEntry(data)
		if !ok {
			return fmt.Errorf("%s: entry %d is missing or cut short", p.bundle.Path(), first+uint64(i))
		}
		text = append(text[:1], entry...)
		if h := sha256.Sum256(text); !bytes.Equal(h[:], hashes[i*tlog.HashSize:][:tlog.HashSize]) {
			return fmt.Errorf("entry %d in %s does not have the hash that the tile of hashes gives it", first+uint64(i), p.bundle.Path())
		}
		leaf, err := viewLeaf(entry)
		if err != nil {
			return fmt.Errorf("%s: entry %d: %w", p.bundle.Path(), first+uint64(i), err)
		}
		if leaf.seq != first+uint64(i) {
			return fmt.Errorf("%s: entry %d says that it is entry %d", p.bundle.Path(), first+uint64(i), leaf.seq)
		}
		p.bytes += uint64(len(entry))
		data = rest
	}
	if len(data) > 0 {
		return fmt.Errorf("%s has more than %d entries", p.bundle.Path(), p.bundle.Width)
	}
	return nil
}

// Add takes the next piece and compares the tiles that it completes. The error
// is the piece's, if it has one.
func (a *Audit) Add(p Piece) error {
	err := p.err
	switch {
	case err != nil:
	case p.bundle.N*TileWidth != a.report.Entries || p.peaks == nil:
		err = fmt.Errorf("%s was checked out of turn", p.bundle.Path())
	case p.bundle.Width < TileWidth:
		a.edge = p.peaks
	default:
		err = a.push(1, p.peaks[0])
	}
	if err != nil {
		return fmt.Errorf("ledger: checking the export: %w", err)
	}
	a.report.Entries += uint64(p.bundle.Width)
	a.report.Bytes += p.bytes
	a.report.Tiles++
	return nil
}

// push adds the root of a full tile to the level above it.
func (a *Audit) push(level int, h Hash) error {
	if level > maxTileLevel {
		return errors.New("more entries than the layout has levels for")
	}
	if a.levels[level] = append(a.levels[level], h[:]...); len(a.levels[level]) < TileWidth*tlog.HashSize {
		return nil
	}
	if err := a.compare(level); err != nil {
		return err
	}
	root := peaksOver(a.levels[level])[0]
	a.levels[level] = a.levels[level][:0]
	a.done[level]++
	return a.push(level+1, root)
}

// compare checks a stored tile against the hashes that were computed for it.
func (a *Audit) compare(level int) error {
	t := Tile{Level: level, N: a.done[level], Width: len(a.levels[level]) / tlog.HashSize}
	data, err := a.read(t.Path())
	if err != nil {
		return fmt.Errorf("reading %s: %w", t.Path(), err)
	}
	if !bytes.Equal(data, a.levels[level]) {
		return fmt.Errorf("%s does not follow from the entries", t.Path())
	}
	a.report.Tiles++
	return nil
}

// Finish compares the tiles that are not full, and the root with the signed
// one.
func (a *Audit) Finish() (Report, error) {
	if err := a.finish(); err != nil {
		return a.report, fmt.Errorf("ledger: checking the export: %w", err)
	}
	return a.report, nil
}

func (a *Audit) finish() error {
	head := a.report.Checkpoint
	if a.report.Entries != head.Size {
		return fmt.Errorf("%d entries were checked, not %d", a.report.Entries, head.Size)
	}
	var peaks []Hash
	for level := maxTileLevel; level > 0; level-- {
		if len(a.levels[level]) == 0 {
			continue
		}
		if err := a.compare(level); err != nil {
			return err
		}
		peaks = append(peaks, peaksOver(a.levels[level])...)
	}
	edge := Frontier{size: head.Size, peaks: append(peaks, a.edge...)}
	if got := edge.Root(); got != head.Root {
		return fmt.Errorf("the root over %d entries is %s, the checkpoint says %s", head.Size, got, head.Root)
	}
	return nil
}

// peaksOver returns the roots of the complete subtrees over the hashes of a
// tile, largest first: one for a full tile.
func peaksOver(hashes []byte) []Hash {
	peaks := []Hash{}
	for width := TileWidth; width > 0; width /= 2 {
		if len(hashes) < width*tlog.HashSize {
			continue
		}
		peaks = append(peaks, rootOver(hashes[:width*tlog.HashSize]))
		hashes = hashes[width*tlog.HashSize:]
	}
	return peaks
}

// rootOver is the root over a power of two of hashes.
func rootOver(hashes []byte) Hash {
	var nodes [TileWidth]Hash
	width := len(hashes) / tlog.HashSize
	for i := range width {
		nodes[i] = Hash(hashes[i*tlog.HashSize:][:tlog.HashSize])
	}
	for ; width > 1; width /= 2 {
		for i := range width / 2 {
			nodes[i] = tlog.NodeHash(nodes[2*i], nodes[2*i+1])
		}
	}
	return nodes[0]
}
