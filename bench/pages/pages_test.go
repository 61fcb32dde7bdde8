package pages

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"countersign/internal/console"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/signin"
	"countersign/internal/store"
)

// policyText lets passwords go by proof alone, and asks for the manager's
// signature for everything else.
var policyText = strings.Replace(gatetest.Policy, "      approvals: [{role: manager, count: 1}]\n", "", 1) +
	"  - rule: signed\n    when: action != \"password_reset\"\n    demand:\n      approvals: [{role: manager, count: 1}]\n"

// played is a house in which a few requests were played, and the cookies of
// some of its staff.
type played struct {
	Request, Finished string // one under way, and one that is done
	Cookies           map[identity.PersonID]string
	Clock             time.Time
	dir               string
	lives             map[string]life
	h                 *gatetest.House
}

func asIs(s store.Store) store.Store { return s }

// play leaves one request of every kind in a house.
func play(b testing.TB, dir string) *played {
	h := gatetest.Keep(b, dir, policyText, asIs)
	p := &played{dir: dir, h: h, Cookies: map[identity.PersonID]string{}, lives: map[string]life{}}
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)

	expired := h.Open(gatetest.Wren, identity.Unlock)
	h.Pass(25 * time.Hour)
	h.Must(h.Gate.Expire(b.Context(), expired.ID))
	done := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(done.Case), proof.TOTP, h.Code(seed)))
	h.Pass(4 * time.Minute)
	h.Authorise(done.ID)
	h.Must(h.Do("dispatch", done.ID))
	h.Must(h.Do("follow_up", done.ID))
	cancelled := h.Open(gatetest.Wren, identity.PasswordReset)
	_, err := h.Gate.Cancel(b.Context(), gatetest.Staff(gatetest.Finch), cancelled.ID)
	h.Must(err)
	if _, err := h.Gate.Open(b.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: "admin", Action: identity.Unlock, Channel: identity.Phone}); err == nil {
		b.Fatal("the administrator's account was within reach")
	}
	h.Open(gatetest.Wren, identity.PasswordReset)
	approving := h.Open(gatetest.Wren, identity.Unlock)
	h.Pass(time.Minute)
	h.Must(h.Answer(h.Claim(approving.Case), proof.TOTP, h.Code(seed)))
	p.Request, p.Finished, p.Clock = approving.ID, done.ID, h.Now()

	rows, err := h.Store.Rows(b.Context(), store.RowQuery{Limit: 100})
	h.Must(err)
	for _, row := range rows {
		records, err := h.Store.Stream(b.Context(), row.ID)
		h.Must(err)
		p.lives[row.Status], err = lifeOf(row, records)
		h.Must(err)
	}
	for _, status := range []string{"done", "cancelled", "expired", "refused", "proving", "approving"} {
		if _, ok := p.lives[status]; !ok {
			b.Fatalf("nothing that is %s was played", status)
		}
	}
	for _, who := range []identity.PersonID{gatetest.Finch, gatetest.Sorrel, h.Person(gatetest.Moss)} {
		p.Cookies[who] = p.signIn(b, who)
	}
	return p
}

func (p *played) signIn(b testing.TB, who identity.PersonID) string {
	s := signin.New(signin.Options{Gate: p.h.Gate, Store: p.h.Store, Now: p.h.Now})
	begun, err := s.Begin(b.Context())
	p.h.Must(err)
	answer, err := p.h.Key(who).Assert("localhost", gatetest.Origin, begun.Options.Challenge)
	p.h.Must(err)
	token, _, err := s.Finish(b.Context(), begun.ID, answer)
	p.h.Must(err)
	return token
}

// crowd presses so many copies onto the ledger of a house, and opens it again.
func (p *played) crowd(b testing.TB, all int) {
	h := p.h
	h.Must(h.Store.Close())
	press, err := newPresser(h.Path)
	h.Must(err)
	for n := range all {
		l := p.lives[statusOf(n, all)]
		if err := press.press(l, copyOf(l, n, all)); err != nil {
			b.Fatalf("copy %d: %v", n, err)
		}
	}
	h.Must(press.finish(h.LogSigner))
	p.reopen(b)
}

func (p *played) reopen(b testing.TB) {
	p.h = gatetest.Reopen(b, p.dir)
	p.h.Pass(p.Clock.Sub(p.h.Now()))
}

// statusOf says how the nth copy of so many stands: a third was carried out;
// of the newest 600 those that may still be open are.
func statusOf(n, all int) string {
	if n >= all-600 {
		return []string{"proving", "approving", "proving"}[n%3]
	}
	return []string{"done", "cancelled", "done", "expired", "cancelled", "done", "refused", "expired", "cancelled"}[n%9]
}

// serve is the console of the house.
func (p *played) serve(b testing.TB) http.Handler {
	who := signin.New(signin.Options{Gate: p.h.Gate, Store: p.h.Store, Now: p.h.Now})
	c, err := console.New(console.Options{Gate: p.h.Gate, Signin: who, Organisation: "Aviary", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	p.h.Must(err)
	return c
}

// page of the console, and who looks at it.
type page struct {
	name, path string
	who        identity.PersonID
}

func (p *played) pages() []page {
	moss := p.h.Person(gatetest.Moss)
	return []page{
		{"front", "/", ""}, {"desk", "/desk", gatetest.Finch}, {"request", "/requests/" + p.Request, gatetest.Sorrel}, {"finished", "/requests/" + p.Finished, gatetest.Sorrel},
		{"requests", "/requests", gatetest.Sorrel}, {"approvals", "/approvals", moss}, {"reports", "/reports?days=90", gatetest.Sorrel}, {"ledger", "/ledger", gatetest.Sorrel},
		{"entry", "/ledger/20", gatetest.Sorrel}, {"roster", "/roster", gatetest.Sorrel}, {"policy", "/policy", gatetest.Sorrel}, {"parts", "/parts", gatetest.Sorrel},
	}
}

// look asks for a page once and says how long that took.
func (p *played) look(site http.Handler, at page) (int, time.Duration) {
	r := httptest.NewRequest(http.MethodGet, gatetest.Origin+at.path, nil)
	if token := p.Cookies[at.who]; token != "" {
		r.AddCookie(&http.Cookie{Name: "countersign", Value: token})
	}
	w := httptest.NewRecorder()
	began := time.Now()
	site.ServeHTTP(w, r)
	return w.Code, time.Since(began)
}

// TestAllPagesCanBeSeen holds what is measured to what it says that it is, on
// a ledger with a few hundred copies that is checked whole.
func TestAllPagesCanBeSeen(t *testing.T) {
	p := play(t, t.TempDir())
	p.crowd(t, 2000)
	p.sound(t)
	site := p.serve(t)
	for _, at := range p.pages() {
		if code, _ := p.look(site, at); code != http.StatusOK {
			t.Errorf("%s: %d", at.path, code)
		}
	}
}

// sound checks the pressed ledger as an operator would, and that it was counted
// as it would be counted again.
func (p *played) sound(t *testing.T) {
	t.Helper()
	for _, n := range []int{0, 1, 7, 1500, 1999} {
		l := p.lives[statusOf(n, 2000)]
		want := copyOf(l, n, 2000)
		records, err := p.h.Store.Stream(t.Context(), want.stream)
		p.h.Must(err)
		row, err := gate.FoldRow(want.stream, records)
		if err != nil {
			t.Fatalf("copy %d (%s) does not fold: %v", n, l.row.Status, err)
		}
		stored, err := p.h.Store.Row(t.Context(), want.stream)
		p.h.Must(err)
		if string(row.State) != string(stored.State) || row.Status != stored.Status || row.Case != stored.Case || !row.Opened.Equal(stored.Opened) {
			t.Errorf("copy %d is filed as\n%s\nand folds to\n%s", n, stored.State, row.State)
		}
	}
	far := store.CountQuery{Until: 1 << 20}
	running, err := p.h.Store.Counts(t.Context(), far)
	p.h.Must(err)
	_, err = store.Recount(t.Context(), p.h.Store, "again", gate.CountStream)
	p.h.Must(err)
	if again, err := p.h.Store.Counts(t.Context(), far); err != nil || fmt.Sprint(again) != fmt.Sprint(running) {
		t.Errorf("counted\n%v\nand again\n%v %v", running, again, err)
	}
}

// BenchmarkPages measures each page in both houses. PAGES_IN names a folder in
// which the large house is kept for another run.
func BenchmarkPages(b *testing.B) {
	demo := play(b, b.TempDir())
	for _, at := range demo.pages() {
		b.Run(at.name+"/requests=few", func(b *testing.B) { demo.measure(b, at) })
	}
	large := sync.OnceValue(func() *played { return million(b) })
	for i, at := range demo.pages() {
		b.Run(at.name+"/requests=million", func(b *testing.B) { large().measure(b, large().pages()[i]) })
	}
}

// million is the large house: that of an earlier run, where PAGES_IN has one.
func million(b testing.TB) *played {
	dir := b.TempDir()
	if kept := os.Getenv("PAGES_IN"); kept != "" {
		dir = kept
	}
	memo := filepath.Join(dir, "played.json")
	p := &played{dir: dir}
	if raw, err := os.ReadFile(memo); err == nil {
		if err := json.Unmarshal(raw, p); err != nil {
			b.Fatal(err)
		}
		p.reopen(b)
		return p
	}
	p = play(b, dir)
	began := time.Now()
	p.crowd(b, 1_000_000)
	b.Logf("pressing a million requests took %s", time.Since(began).Round(time.Second))
	raw, err := json.Marshal(p)
	p.h.Must(err)
	p.h.Must(os.WriteFile(memo, raw, 0o600))
	return p
}

func (p *played) measure(b *testing.B, at page) {
	site := p.serve(b)
	if code, _ := p.look(site, at); code != http.StatusOK {
		b.Skipf("%s answers %d", at.path, code)
	}
	var took []time.Duration
	before := spent(b)
	for b.Loop() {
		_, d := p.look(site, at)
		took = append(took, d)
	}
	b.ReportMetric(float64(spent(b)-before)/float64(len(took)), "cpu-ns/page")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "ns/page")
}

// spent is the processor time of this process: what a page costs also where
// others keep the machine busy.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
