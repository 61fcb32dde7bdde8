package evidence_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/internal/evidence"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// done is a house with one finished request.
func done(t *testing.T) (*gatetest.House, string) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	request, _ := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	h.Must(h.Do("dispatch", request))
	return h, request
}

func verify(h *gatetest.House, b evidence.Bundle) evidence.Report {
	h.T.Helper()
	roots, err := h.Roots()
	h.Must(err)
	return evidence.Verify(b, roots, h.Now())
}

func bundle(h *gatetest.House, request string) evidence.Bundle {
	h.T.Helper()
	b, err := h.Gate.Evidence(h.T.Context(), request)
	h.Must(err)
	return b
}

func why(r evidence.Report) string { return r.Steps[len(r.Steps)-1].Detail }

func TestAnHonestBundleIsAllowedAndSaysOnWhat(t *testing.T) {
	h, request := done(t)
	r := verify(h, bundle(h, request))
	if r.Verdict != evidence.Allowed {
		t.Fatalf("%s: %+v", r.Verdict, r.Steps)
	}
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	if want := []string{"checkpoint", "inclusion", "roster", "replay", "plan", "proof", "approval", "order"}; !slices.Equal(names, want) {
		t.Errorf("steps %v, want %v", names, want)
	}
}

func TestARequestWithoutAnOrderIsNotCalledAllowed(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	if r := verify(h, bundle(h, h.Open(gatetest.Wren, identity.Unlock).ID)); r.Verdict != evidence.NotOrdered {
		t.Errorf("%s", r.Verdict)
	}
}

func TestOtherRootsAreNotConvinced(t *testing.T) {
	h, request := done(t)
	other := gatetest.New(t, gatetest.Policy)
	mine, err := h.Roots()
	h.Must(err)
	theirs, err := other.Roots()
	h.Must(err)
	_, key, err := note.GenerateKey(rand.Reader, mine.Log.Name())
	h.Must(err)
	stranger, err := note.NewVerifier(key)
	h.Must(err)
	b := bundle(h, request)
	for name, roots := range map[string]evidence.Roots{
		"another log": {Log: stranger, Genesis: mine.Genesis}, "another genesis": {Log: mine.Log, Genesis: theirs.Genesis}, "none": {},
	} {
		if r := evidence.Verify(b, roots, h.Now()); r.Verdict != evidence.NotAllowed {
			t.Errorf("%s: %s", name, r.Verdict)
		}
	}
	if r := evidence.Verify(b, mine, h.Now().AddDate(0, 0, -30)); r.Verdict != evidence.NotAllowed {
		t.Errorf("evidence from the future: %s", r.Verdict)
	}
}

func TestNoChangedByteGoesUnnoticed(t *testing.T) {
	h, request := done(t)
	raw, err := bundle(h, request).Bytes()
	h.Must(err)
	honest, err := ledger.Canonical(raw)
	h.Must(err)
	tried := 0
	for i := 0; i < len(raw); i += 97 {
		for _, bit := range []byte{1, 4} {
			bad := bytes.Clone(raw)
			bad[i] ^= bit
			if c, err := ledger.Canonical(bad); err == nil && bytes.Equal(c, honest) {
				continue // white space between members
			}
			b, err := evidence.ParseBundle(bad)
			if err != nil {
				continue
			}
			tried++
			if r := verify(h, b); r.Verdict == evidence.Allowed {
				t.Errorf("byte %d changed from %q to %q unnoticed near %q", i, raw[i], bad[i], raw[max(0, i-40):min(len(raw), i+20)])
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d changes reached the verifier", tried)
	}
}

// A forger is a server that has been taken over: it holds the log's key and
// writes whatever ledger it likes. It does not hold anybody's passkey.
type forger struct {
	h       *gatetest.House
	request string
	records []store.Record
}

func takeOver(h *gatetest.House, request string) *forger {
	h.T.Helper()
	records, err := h.Store.Records(h.T.Context(), 0, 1000)
	h.Must(err)
	return &forger{h, request, records}
}

// edit rewrites the request's or the roster's events of one type.
func edit[E interface{ Type() string }](f *forger, stream string, change func(*E)) {
	f.h.T.Helper()
	var zero E
	n := 0
	for i, r := range f.records {
		if r.Stream != stream || r.Type != zero.Type() {
			continue
		}
		var e E
		_, err := ledger.Open(r.Body, r.Private, &e)
		f.h.Must(err)
		change(&e)
		f.records[i].Body, f.records[i].Private, err = ledger.Seal(e, func() [32]byte { return [32]byte{1} })
		f.h.Must(err)
		n++
	}
	if n == 0 {
		f.h.T.Fatalf("there is no %s to forge", zero.Type())
	}
}

func (f *forger) drop(kind string) {
	before := len(f.records)
	f.records = slices.DeleteFunc(f.records, func(r store.Record) bool { return r.Stream == f.request && r.Type == kind })
	if len(f.records) == before {
		f.h.T.Fatalf("there is no %s to drop", kind)
	}
}

func (f *forger) insert(at int, e interface{ Type() string }, stream string) {
	open, private, err := ledger.Seal(e, func() [32]byte { return [32]byte{2} })
	f.h.Must(err)
	r := store.Record{Private: private}
	r.Stream, r.Type, r.Body, r.Actor, r.At = stream, e.Type(), open, "forger", f.records[at].At
	f.records = slices.Insert(f.records, at, r)
}

func (f *forger) index(kind string) int {
	return slices.IndexFunc(f.records, func(r store.Record) bool { return r.Stream == f.request && r.Type == kind })
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = h[x]
	}
	return out, nil
}

// bundle writes the forged ledger and signs it with the real key.
func (f *forger) bundle() evidence.Bundle {
	f.h.T.Helper()
	var nodes hashes
	versions := map[string]uint64{}
	for i := range f.records {
		r := &f.records[i]
		versions[r.Stream]++
		r.Seq, r.Version = uint64(i), versions[r.Stream]
		more, err := tlog.StoredHashesForRecordHash(int64(i), r.Leaf.Hash(), nodes)
		f.h.Must(err)
		nodes = append(nodes, more...)
	}
	size := uint64(len(f.records))
	root, err := ledger.Root(size, nodes)
	f.h.Must(err)
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: f.h.LogSigner.Name(), Size: size, Root: root}, f.h.LogSigner)
	f.h.Must(err)
	b := evidence.Bundle{Format: evidence.Format, Request: f.request, Checkpoint: string(signed)}
	for _, r := range f.records {
		p, err := ledger.ProveInclusion(size, r.Seq, nodes)
		f.h.Must(err)
		switch r.Stream {
		case roster.Stream:
			b.Roster = append(b.Roster, evidence.NewEntry(r.Leaf, r.Private, p))
		case f.request:
			b.Events = append(b.Events, evidence.NewEntry(r.Leaf, r.Private, p))
		}
	}
	return b
}

func TestAServerThatHoldsTheLogKeyStillCannotForge(t *testing.T) {
	h, request := done(t)
	if r := verify(h, takeOver(h, request).bundle()); r.Verdict != evidence.Allowed {
		t.Fatalf("rebuilding without a lie gives %s: %s", r.Verdict, why(r))
	}
	moss := h.Person(gatetest.Moss)
	for name, lie := range map[string]struct {
		tell func(*forger)
		want string
	}{
		"no signature at all":  {func(f *forger) { f.drop("voted") }, "signatures are missing"},
		"no proof":             {func(f *forger) { f.drop("proved") }, ""},
		"no fresh plan":        {func(f *forger) { f.drop("replanned") }, "computed again"},
		"somebody else signed": {func(f *forger) { edit(f, request, func(v *reset.Voted) { v.Person = gatetest.Sorrel }) }, ""},
		"a role not held": {func(f *forger) {
			edit(f, request, func(v *reset.Voted) { v.Roles = append(v.Roles, identity.Security) })
		}, "did not hold the role"},
		"a made-up signature":     {func(f *forger) { edit(f, request, func(v *reset.Voted) { v.Assertion.Signature[8] ^= 1 }) }, "signature"},
		"a weaker plan":           {func(f *forger) { edit(f, request, func(o *reset.Opened) { o.Plan.Approvals = nil }) }, "not what the policy demands"},
		"weaker plans all over":   {func(f *forger) { f.drop("voted"); weaken(f, request) }, "not what the policy demands"},
		"another policy's hash":   {func(f *forger) { edit(f, request, func(o *reset.Opened) { o.Policy = "sha256:x" }) }, "was not in force"},
		"another account ordered": {func(f *forger) { edit(f, request, func(o *reset.Ordered) { o.Subject = "corp/other" }) }, "not what was asked"},
		"another recipient":       {func(f *forger) { edit(f, request, func(o *reset.Ordered) { o.Recipient = "age1evil" }) }, "not what was asked"},
		"a swapped session key":   {func(f *forger) { edit(f, request, func(c *reset.Claimed) { c.Recipient = "age1evil" }) }, "signature"},
		"a changed case":          {func(f *forger) { edit(f, request, func(o *reset.Opened) { o.Case = "ZZZZ-2222" }) }, "signature"},
		"an agent off the roster": {func(f *forger) {
			edit(f, request, func(o *reset.Opened) { o.Agent, o.Facts.Agent.Person = "ghost", "ghost" })
		}, "not on the roster"},
		"roles hidden from facts": {func(f *forger) {
			edit(f, request, func(o *reset.Opened) { o.Facts.Subject.Staff = []string{"officer"} })
		}, "the roster says"},
		"an order before the signature": {func(f *forger) {
			i, j := f.index("voted"), f.index("ordered")
			f.records[i], f.records[j] = f.records[j], f.records[i]
		}, ""},
		"a second order": {func(f *forger) {
			i := f.index("ordered")
			f.records = slices.Insert(f.records, i+1, f.records[i])
		}, ""},
		"a denial ignored": {func(f *forger) {
			f.insert(f.index("ordered"), reset.Cancelled{By: "agent"}, request)
		}, "ended"},
		"a member nobody signed for": {func(f *forger) {
			f.insert(f.index("opened"), roster.Countersigned{Proposal: "chg_x", Person: gatetest.Olive, Assertion: h.Sign(gatetest.Olive, make([]byte, 32))}, roster.Stream)
		}, "no open proposal"},
		"another founding policy": {func(f *forger) {
			edit(f, roster.Stream, func(r *roster.Founded) {
				r.PolicyText = strings.ReplaceAll(r.PolicyText, "count: 1", "count: 0")
				r.Policy = roster.HashPolicy(r.PolicyText)
			})
		}, "founding entry you trust"},
		"a founder's own key changed": {func(f *forger) {
			edit(f, roster.Stream, func(r *roster.Countersigned) { r.Person = moss })
		}, ""},
		"a signature from the roster used for a request": {func(f *forger) {
			var borrowed passkey.Assertion
			edit(f, roster.Stream, func(r *roster.Countersigned) { borrowed = r.Assertion })
			edit(f, request, func(v *reset.Voted) { v.Person, v.Assertion = gatetest.Olive, borrowed })
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := takeOver(h, request)
			lie.tell(f)
			r := verify(h, f.bundle())
			if r.Verdict == evidence.Allowed {
				t.Fatal("allowed")
			}
			if !strings.Contains(why(r), lie.want) {
				t.Errorf("the reason is %q; want it to speak of %q", why(r), lie.want)
			}
		})
	}
}

func weaken(f *forger, request string) {
	edit(f, request, func(o *reset.Opened) { o.Plan.Approvals = nil })
	edit(f, request, func(o *reset.Replanned) { o.Plan.Approvals = nil })
}

func TestErasedFactsAreSaidNotGuessed(t *testing.T) {
	h, request := done(t)
	b := bundle(h, request)
	for i := range b.Events {
		b.Events[i].Private = nil
	}
	if r := verify(h, b); r.Verdict != evidence.NotAllowed || !strings.Contains(why(r), "erased") {
		t.Errorf("%s: %s", r.Verdict, why(r))
	}
}

func TestTheHandsOwnFactsDecide(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	request, _ := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	r := verify(h, bundle(h, request))
	fresh := r.State.Facts
	fresh.At = h.Now()
	if err := evidence.Recheck(r, fresh, h.Now()); err != nil {
		t.Errorf("the same facts: %v", err)
	}
	yes := true
	for name, change := range map[string]func(*policy.Facts){
		"an administrator after all": func(f *policy.Facts) { f.Subject.Admin = &yes },
		"of unknown rights":          func(f *policy.Facts) { f.Subject.Admin = nil },
		"in another unit":            func(f *policy.Facts) { f.Subject.Unit = "Payroll" },
		"disabled meanwhile":         func(f *policy.Facts) { f.Subject.Status = "disabled" },
	} {
		f := fresh
		change(&f)
		if err := evidence.Recheck(r, f, h.Now()); err == nil {
			t.Errorf("%s: the order would go out", name)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte(`{"format":"countersign/bundle/v1","request":"req_1","checkpoint":"","roster":[],"events":[]}`))
	v, err := note.NewVerifier("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := evidence.ParseBundle(raw)
		if err != nil {
			return
		}
		out, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := evidence.ParseBundle(out)
		if err != nil {
			t.Fatalf("what was written does not read: %v", err)
		}
		x, _ := json.Marshal(b)
		y, _ := json.Marshal(again)
		if !bytes.Equal(x, y) {
			t.Fatal("reading what was written gives something else")
		}
		if evidence.Verify(b, evidence.Roots{Log: v}, t0()).Verdict == evidence.Allowed {
			t.Fatal("allowed")
		}
	})
}

func t0() (at time.Time) { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }
