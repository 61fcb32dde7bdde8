package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// The oracle: RFC 6962 §2.1 word for word, over the leaves themselves.

func mth(leaves [][]byte) Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := split(n)
		left, right := mth(leaves[:k]), mth(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

func path(m int, leaves [][]byte) []Hash {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	if k := split(n); m < k {
		return append(path(m, leaves[:k]), mth(leaves[k:]))
	} else {
		return append(path(m-k, leaves[k:]), mth(leaves[:k]))
	}
}

func subproof(m int, leaves [][]byte, whole bool) []Hash {
	n := len(leaves)
	if m == n {
		if whole {
			return nil
		}
		return []Hash{mth(leaves)}
	}
	if k := split(n); m <= k {
		return append(subproof(m, leaves[:k], whole), mth(leaves[k:]))
	} else {
		return append(subproof(m-k, leaves[k:], false), mth(leaves[:k]))
	}
}

func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// stack is stored hashes in memory.
type stack []Hash

func (s stack) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(s)) {
			return nil, errors.New("no such hash")
		}
		out[i] = s[at]
	}
	return out, nil
}

func grow(leaves [][]byte) (stack, Frontier) {
	var s stack
	var f Frontier
	for _, leaf := range leaves {
		s = append(s, f.Append(HashLeaf(leaf))...)
	}
	return s, f
}

func numbered(n int) [][]byte {
	leaves := make([][]byte, n)
	for i := range leaves {
		leaves[i] = fmt.Appendf(nil, "leaf %d", i)
	}
	return leaves
}

func TestRootsAndProofsAreThoseOfRFC6962(t *testing.T) {
	leaves := numbered(40)
	s, _ := grow(leaves)
	for size := range len(leaves) + 1 {
		root, err := Root(uint64(size), s)
		if err != nil || root != mth(leaves[:size]) {
			t.Fatalf("root of %d: %v, %v", size, root, err)
		}
		for i := range size {
			proof, err := ProveInclusion(uint64(size), uint64(i), s)
			if err != nil || !same(proof, path(i, leaves[:size])) {
				t.Fatalf("audit path of %d in %d: %v, %v", i, size, proof, err)
			}
			if err := CheckInclusion(proof, uint64(size), root, uint64(i), HashLeaf(leaves[i])); err != nil {
				t.Fatal(err)
			}
			older := i + 1
			proof, err = ProveConsistency(uint64(older), uint64(size), s)
			if err != nil || !same(proof, subproof(older, leaves[:size], true)) {
				t.Fatalf("consistency of %d with %d: %v, %v", older, size, proof, err)
			}
			if err := CheckConsistency(proof, uint64(older), mth(leaves[:older]), uint64(size), root); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func same(a, b []Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestAFrontierStoresTheHashesOfTheStandardLayout(t *testing.T) {
	leaves := numbered(70)
	var f Frontier
	var s stack
	for i, leaf := range leaves {
		if int64(len(s)) != tlog.StoredHashCount(int64(i)) {
			t.Fatalf("%d hashes before leaf %d", len(s), i)
		}
		want, err := tlog.StoredHashes(int64(i), leaf, s)
		got := f.Append(HashLeaf(leaf))
		if err != nil || !same(got, want) {
			t.Fatalf("leaf %d: got %v, want %v, %v", i, got, want, err)
		}
		s = append(s, got...)
		loaded, err := LoadFrontier(uint64(i+1), s)
		if err != nil || loaded.Root() != f.Root() || loaded.Size() != f.Size() || f.Root() != mth(leaves[:i+1]) {
			t.Fatalf("after %d: %v", i+1, err)
		}
	}
	if f.Size() != 70 {
		t.Errorf("size %d", f.Size())
	}
}

func TestAClonedFrontierGrowsAlone(t *testing.T) {
	_, f := grow(numbered(7))
	root := f.Root()
	g := f.Clone()
	for range 9 {
		g.Append(Hash{1})
	}
	if f.Root() != root || f.Size() != 7 || g.Size() != 16 {
		t.Error("the original grew with its clone")
	}
}

func TestProofsOutsideTheLedgerAreRefused(t *testing.T) {
	s, f := grow(numbered(5))
	root := f.Root()
	if _, err := ProveInclusion(5, 5, s); err == nil {
		t.Error("an entry past the end was proved")
	}
	if _, err := ProveInclusion(0, 0, s); err == nil {
		t.Error("an entry of the empty ledger was proved")
	}
	if _, err := ProveInclusion(1<<63, 0, s); err == nil {
		t.Error("an impossible size was proved")
	}
	if err := CheckInclusion(nil, 0, root, 0, Hash{}); err == nil {
		t.Error("an entry of the empty ledger was accepted")
	}
	if _, err := ProveConsistency(6, 5, s); err == nil {
		t.Error("a shrinking ledger was proved")
	}
	if err := CheckConsistency(nil, 6, root, 5, root); err == nil {
		t.Error("a shrinking ledger was accepted")
	}
	if _, err := Root(9, s); err == nil {
		t.Error("a root over hashes that are not there")
	}
	if _, err := Root(1<<60, s); err == nil {
		t.Error("a root of an impossible size")
	}
}

func TestTheEmptyLedgerIsConsistentWithEveryLedger(t *testing.T) {
	s, f := grow(numbered(5))
	empty := sha256.Sum256(nil)
	proof, err := ProveConsistency(0, 5, s)
	if err != nil || len(proof) != 0 {
		t.Fatal(proof, err)
	}
	if err := CheckConsistency(proof, 0, empty, 5, f.Root()); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"a wrong empty root": CheckConsistency(nil, 0, f.Root(), 5, f.Root()),
		"a proof too long":   CheckConsistency([]Hash{{}}, 0, empty, 5, f.Root()),
		"two empty roots":    CheckConsistency(nil, 0, empty, 0, f.Root()),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestAProofHoldsForNothingElse(t *testing.T) {
	leaves := numbered(300)
	s, _ := grow(leaves)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, len(leaves)).Draw(t, "size")
		i := rapid.IntRange(0, size-1).Draw(t, "index")
		root := mth(leaves[:size])
		proof, err := ProveInclusion(uint64(size), uint64(i), s)
		if err != nil {
			t.Fatal(err)
		}
		leaf := HashLeaf(leaves[i])
		flip := func(h Hash) Hash { h[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1; return h }
		if CheckInclusion(proof, uint64(size), root, uint64(i), flip(leaf)) == nil {
			t.Fatal("another leaf was accepted")
		}
		if CheckInclusion(proof, uint64(size), flip(root), uint64(i), leaf) == nil {
			t.Fatal("another root was accepted")
		}
		if size > 1 && CheckInclusion(proof, uint64(size), root, uint64((i+1)%size), leaf) == nil {
			t.Fatal("another place was accepted")
		}
		if CheckInclusion(append(proof, Hash{}), uint64(size), root, uint64(i), leaf) == nil {
			t.Fatal("a longer proof was accepted")
		}
		older := rapid.IntRange(1, size).Draw(t, "older")
		steps, err := ProveConsistency(uint64(older), uint64(size), s)
		if err != nil {
			t.Fatal(err)
		}
		if CheckConsistency(steps, uint64(older), flip(mth(leaves[:older])), uint64(size), root) == nil {
			t.Fatal("another past was accepted")
		}
	})
}
