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
	if d.point == "change-before" {
		die()
	}
	o, err := d.Directory.ResetPassword(ctx, id, secret, must)
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
	h := gatetest.Keep(t, dir, gatetest.Policy, func(s store.Store) store.Store { m.Store = s; return m })
	h.Act(&diary{h.Directory, dir, point})
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	m.on = true
	request, _ := h.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	h.Must(h.Do("dispatch", request))
	fmt.Println("finished")
}

func TestTheProcessIsKilledAtEveryStepAndNothingIsLostOrDoneTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("kills many processes")
	}
	points := []string{"change-before", "change-after"}
	steps := 0
	for _, line := range child(t, t.TempDir(), "never").lines {
		if strings.HasPrefix(line, "ack ") {
			steps++
		}
	}
	if steps < 9 {
		t.Fatalf("a whole story has only %d acknowledged events", steps)
	}
	for n := 1; n <= 9; n++ {
		points = append(points, fmt.Sprintf("before %d", n), fmt.Sprintf("after %d", n))
	}
	outcomes := map[reset.Status]int{}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			c := child(t, dir, point)
			if c.finished {
				if strings.HasPrefix(point, "change") {
					t.Fatal("the process outlived its death")
				}
				return // the story has fewer commits than this point
			}
			outcomes[recover1(t, dir, c)]++
		})
	}
	if outcomes[reset.Done] == 0 || outcomes[reset.Proving] == 0 {
		t.Errorf("the deaths led only to %v: they missed the beginning or the end", outcomes)
	}
}

type told struct {
	lines    []string
	finished bool
}

func child(t *testing.T, dir, point string) told {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildTellsTheStory$")
	cmd.Env = append(os.Environ(), envRole+"=story", envDir+"="+dir, envPoint+"="+point)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var c told
	for sc := bufio.NewScanner(strings.NewReader(string(out))); sc.Scan(); {
		c.lines = append(c.lines, sc.Text())
		c.finished = c.finished || sc.Text() == "finished"
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
		t.Fatalf("the child failed instead of being killed: %v\n%s", err, out)
	}
	return c
}

// recover1 opens what the dead process left, checks that every acknowledged
// event is there, lets the jobs run until nothing moves, and counts changes.
func recover1(t *testing.T, dir string, c told) reset.Status {
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
	if done := s.Status() == reset.Done; done != (changes == 1) || changes > 1 {
		t.Errorf("the request ended as %s with %d changes", s.Status(), changes)
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
