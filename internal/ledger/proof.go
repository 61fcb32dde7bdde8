package ledger

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Root is the Merkle tree hash of the first size leaves (RFC 6962 §2.1). The
// empty ledger's root is the SHA-256 of nothing.
func Root(size uint64, r HashReader) (Hash, error) {
	f, err := LoadFrontier(size, r)
	if err != nil {
		return Hash{}, err
	}
	return f.Root(), nil
}

// ProveInclusion returns the audit path (RFC 6962 §2.1.1) of the leaf at index
// in the ledger of this size.
func ProveInclusion(size, index uint64, r HashReader) ([]Hash, error) {
	if size > maxInteger || index >= size {
		return nil, fmt.Errorf("ledger: proving inclusion: no entry %d in a ledger of %d", index, size)
	}
	proof, err := tlog.ProveRecord(int64(size), int64(index), r)
	if err != nil {
		return nil, fmt.Errorf("ledger: proving inclusion of entry %d: %w", index, err)
	}
	return proof, nil
}

// CheckInclusion checks an audit path: the leaf hash stands at index in the
// ledger with this size and root.
func CheckInclusion(proof []Hash, size uint64, root Hash, index uint64, leaf Hash) error {
	if size > maxInteger || index >= size {
		return fmt.Errorf("ledger: checking inclusion: no entry %d in a ledger of %d", index, size)
	}
	if err := tlog.CheckRecord(proof, int64(size), root, int64(index), leaf); err != nil {
		return fmt.Errorf("ledger: checking inclusion of entry %d in %d: %w", index, size, err)
	}
	return nil
}

// ProveConsistency returns the proof (RFC 6962 §2.1.2) that the ledger of the
// newer size continues the one of the older size. Between equal sizes, and
// from the empty ledger, the proof is empty.
func ProveConsistency(older, newer uint64, r HashReader) ([]Hash, error) {
	if newer > maxInteger || older > newer {
		return nil, fmt.Errorf("ledger: proving consistency: %d does not come before %d", older, newer)
	}
	if older == 0 {
		return nil, nil
	}
	proof, err := tlog.ProveTree(int64(newer), int64(older), r)
	if err != nil {
		return nil, fmt.Errorf("ledger: proving consistency of %d with %d: %w", older, newer, err)
	}
	return proof, nil
}

// CheckConsistency checks that the newer root continues the older one: nothing
// that the older covers was changed or taken out.
func CheckConsistency(proof []Hash, older uint64, olderRoot Hash, newer uint64, newerRoot Hash) error {
	if newer > maxInteger || older > newer {
		return fmt.Errorf("ledger: checking consistency: %d does not come before %d", older, newer)
	}
	if older == 0 {
		if len(proof) != 0 || olderRoot != (Frontier{}).Root() || newer == 0 && newerRoot != olderRoot {
			return errors.New("ledger: checking consistency: the empty ledger's root or proof is wrong")
		}
		return nil
	}
	if err := tlog.CheckTree(proof, int64(newer), newerRoot, int64(older), olderRoot); err != nil {
		return fmt.Errorf("ledger: checking consistency of %d with %d: %w", older, newer, err)
	}
	return nil
}

// Frontier is the right edge of a ledger: enough to append leaves and to know
// the root without reading anything back. The zero Frontier is the empty
// ledger.
type Frontier struct {
	size  uint64
	peaks []Hash // roots of the complete subtrees, largest first
}

// LoadFrontier reads the right edge of the ledger of this size.
func LoadFrontier(size uint64, r HashReader) (Frontier, error) {
	if size > maxInteger {
		return Frontier{}, fmt.Errorf("ledger: a size of %d is out of range", size)
	}
	var indexes []int64
	for at := uint64(0); at < size; {
		level := bits.Len64(size-at) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, int64(at>>level)))
		at += 1 << level
	}
	if size == 0 {
		return Frontier{}, nil
	}
	peaks, err := r.ReadHashes(indexes)
	if err != nil {
		return Frontier{}, fmt.Errorf("ledger: reading the edge of %d entries: %w", size, err)
	}
	if len(peaks) != len(indexes) {
		return Frontier{}, fmt.Errorf("ledger: reading the edge of %d entries: %d hashes, not %d", size, len(peaks), len(indexes))
	}
	return Frontier{size: size, peaks: slices.Clone(peaks)}, nil
}

// Size is the number of leaves.
func (f Frontier) Size() uint64 { return f.size }

// Clone is a copy that can grow on its own.
func (f Frontier) Clone() Frontier { return Frontier{size: f.size, peaks: slices.Clone(f.peaks)} }

// Append adds a leaf and returns the hashes to store for it: the leaf's own,
// then those of the subtrees it completes, in the order of
// tlog.StoredHashIndex, the first at index tlog.StoredHashCount(old size).
func (f *Frontier) Append(leaf Hash) []Hash {
	stored := []Hash{leaf}
	for i := f.size; i&1 == 1; i >>= 1 {
		last := len(f.peaks) - 1
		leaf = tlog.NodeHash(f.peaks[last], leaf)
		f.peaks = f.peaks[:last]
		stored = append(stored, leaf)
	}
	f.peaks = append(f.peaks, leaf)
	f.size++
	return stored
}

// Root is the Merkle tree hash of the leaves so far.
func (f Frontier) Root() Hash {
	if f.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // reads nothing
		return h
	}
	root := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.peaks[i], root)
	}
	return root
}
