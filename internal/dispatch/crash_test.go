package dispatch_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// These tests kill a real process (SIGKILL) at every durable step between open
// and receipt, and on both sides of the directory's change. The child is this
// test binary, told by its environment which part it plays.
const (
	envRole  = "COUNTERSIGN_TEST_ROLE" // story
	envDir   = "COUNTERSIGN_TEST_DIR"
	envAsk   = "COUNTERSIGN_TEST_ASK"   // the action of the story
	envPoint = "COUNTERSIGN_TEST_POINT" // where to die: before N | after N (commits of the request), change-before, change-after
)

func die() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }

// mortal is a store whose process dies around its n-th commit.
type mortal struct {
	store.Store
	point string
	n     int
	on    bool
}

func (m *mortal) Commit(ctx context.Context, c store.Commit) ([]store.Record, error) {
	if m.on {
		m.n++
	}
	if m.on && m.point == fmt.Sprintf("before %d", m.n) {
		die()
	}
	out, err := m.Store.Commit(ctx, c)
	if m.on && m.point == fmt.Sprintf("after %d", m.n) {
		die()
	}
	if m.on && err == nil {
		for _, r := range out {
			fmt.Printf("ack %d %s %s\n", r.Seq, r.Stream, r.Type)
		}
	}
	return out, err
}

// diary is a directory that writes each change it makes to a file, so that
// the parent can count them across deaths.
type diary struct {
	*local.Directory
	dir, point string
}

func (d *diary) ResetPassword(ctx context.Context, id identity.AccountID, secret string, must bool) (directory.Outcome, error) {
	return d.change(func() (directory.Outcome, error) { return d.Directory.ResetPassword(ctx, id, secret, must) })
}

func (d *diary) ResetFactors(ctx context.Context, id identity.AccountID) (directory.Outcome, error) {
	return d.change(func() (directory.Outcome, error) { return d.Directory.ResetFactors(ctx, id) })
}

func (d *diary) change(do func() (directory.Outcome, error)) (directory.Outcome, error) {
	if d.point == "change-before" {
		die()
	}
	o, err := do()
	if err == nil {
		jot(d.dir, "changes", "changed\n")
	}
	if d.point == "change-after" {
		die()
	}
	return o, err
}

func jot(dir, file, line string) {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := f.WriteString(line); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
}

// TestChildTellsTheStory is the child; alone it does nothing.
func TestChildTellsTheStory(t *testing.T) {
	if os.Getenv(envRole) != "story" {
		return
	}
	dir, point := os.Getenv(envDir), os.Getenv(envPoint)
	m := &mortal{point: point}
	h := gatetest.Keep(t, dir, onPaper, func(s store.Store) store.Store { m.Store = s; return m })
	h.Act(&diary{h.Directory, dir, point})
	h.Must(h.Directory.AddFactor(t.Context(), wren(h), "lost app"))
	_, code := h.Enrol(gatetest.Wren, proof.RecoveryCode)
	m.on = true
	request, _ := asked(h, identity.Action(os.Getenv(envAsk)), code)
	h.Must(h.Do("dispatch", request))
	fmt.Println("finished after", m.n)
}

func TestTheProcessIsKilledAtEveryStepAndNothingIsLostOrDoneTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("kills many processes")
	}
	for action, changes := range map[identity.Action]int{identity.PasswordReset: 1, identity.MFAReset: 1, identity.InitialEnrolment: 0} {
		t.Run(string(action), func(t *testing.T) { killed(t, action, changes) })
	}
}

// killed plays the story of an action once for each point at which it can die.
// A whole story changes the directory so many times.
func killed(t *testing.T, action identity.Action, changes int) {
	commits := child(t, t.TempDir(), action, "never").commits
	if commits < 7 {
		t.Fatalf("a whole story has only %d commits", commits)
	}
	var points []string
	if changes > 0 {
		points = append(points, "change-before", "change-after")
	}
	for n := 1; n <= commits; n++ {
		points = append(points, fmt.Sprintf("before %d", n), fmt.Sprintf("after %d", n))
	}
	outcomes := map[reset.Status]int{}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			c := child(t, dir, action, point)
			if c.finished {
				t.Fatal("the process outlived its death")
			}
			outcomes[recover1(t, dir, c, changes)]++
		})
	}
	if outcomes[reset.Done] == 0 || outcomes[reset.Proving] == 0 {
		t.Errorf("the deaths led only to %v: they missed the beginning or the end", outcomes)
	}
}

type told struct {
	lines    []string
	commits  int
	finished bool
}

func child(t *testing.T, dir string, action identity.Action, point string) told {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildTellsTheStory$")
	cmd.Env = append(os.Environ(), envRole+"=story", envDir+"="+dir, envAsk+"="+string(action), envPoint+"="+point)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var c told
	for sc := bufio.NewScanner(strings.NewReader(string(out))); sc.Scan(); {
		c.lines = append(c.lines, sc.Text())
		if n, found := strings.CutPrefix(sc.Text(), "finished after "); found {
			commits, fault := strconv.Atoi(n)
			c.finished, c.commits, err = true, commits, errors.Join(err, fault)
		}
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
		t.Fatalf("the child failed instead of being killed: %v\n%s", err, out)
	}
	return c
}

// recover1 opens what the dead process left, checks that every acknowledged
// event is there, lets the jobs run until nothing moves, and counts changes: as
// many as the whole story has when it is done, and else none.
func recover1(t *testing.T, dir string, c told, whole int) reset.Status {
	t.Helper()
	h := gatetest.Reopen(t, dir)
	h.Pass(4 * 24 * time.Hour) // past the cool-off, as the child's clock was
	h.Pass(-24*time.Hour + time.Minute)
	h.Act(&diary{h.Directory, dir, "never"})
	records, err := h.Store.Records(t.Context(), 0, 1000)
	h.Must(err)
	for _, line := range c.lines {
		f := strings.Fields(line)
		if len(f) != 4 || f[0] != "ack" {
			continue
		}
		seq, err := strconv.Atoi(f[1])
		h.Must(err)
		if seq >= len(records) || records[seq].Stream != f[2] || records[seq].Type != f[3] {
			t.Fatalf("acknowledged and lost: %s", line)
		}
	}
	rows, err := h.Store.Rows(t.Context(), store.RowQuery{Limit: 10})
	h.Must(err)
	if len(rows) == 0 {
		return "" // died before the request was recorded: it was never acknowledged
	}
	for range 9 {
		switch h.State(rows[0].ID).Status() {
		case reset.Ready:
			if _, err := h.Gate.Authorise(t.Context(), rows[0].ID); err != nil {
				t.Fatal(err)
			}
		case reset.OrderedUp:
			h.Must(h.Do("dispatch", rows[0].ID))
		case reset.Dispatching, reset.Uncertain:
			_ = h.Do("dispatch", rows[0].ID) // says so while a change may still be under way
			h.Pass(2 * time.Minute)
		}
	}
	changes := 0
	if raw, err := os.ReadFile(filepath.Join(dir, "changes")); err == nil {
		changes = strings.Count(string(raw), "\n")
	}
	s := h.State(rows[0].ID)
	want := 0
	if s.Status() == reset.Done {
		want = whole
	}
	lost := s.Status() == reset.Done && s.Action == identity.MFAReset // and with it the factor
	if changes != want || lost == keeps(h, "lost app") {
		t.Errorf("the request ended as %s with %d changes, and the factor is there: %v", s.Status(), changes, keeps(h, "lost app"))
	}
	report, err := store.Check(t.Context(), h.Store, h.LogSigner.Name(), verifiers(t, h), gate.FoldRow)
	h.Must(err)
	if !report.OK() {
		t.Errorf("the ledger does not check: %v", report.Differences)
	}
	return s.Status()
}

func verifiers(t *testing.T, h *gatetest.House) note.Verifiers {
	t.Helper()
	v, err := note.NewVerifier(h.LogKey)
	h.Must(err)
	return note.VerifierList(v)
}
