package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/directory/directorytest/servers"
	"countersign/internal/notify/notifytest"
	"countersign/internal/proof/totp"
)

// shell is a machine on which people type commands, each with a home of their
// own.
type shell struct {
	t   *testing.T
	bin string
	dir string
	at  string // the server
}

// answer is what a command printed.
type answer struct{ out, errs string }

// as runs a command for somebody and wants its exit code. A variable of the
// environment may stand before the arguments: NAME=value.
func (s *shell) as(who string, code int, args ...string) answer {
	s.t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(s.dir, who), "COUNTERSIGN_SERVER=" + s.at}
	for len(args) > 0 && strings.Contains(strings.SplitN(args[0], " ", 2)[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.bin, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, s.dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	s.t.Logf("%s$ countersign %s\n%s%s", who, strings.Join(args, " "), out.String(), errs.String())
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("countersign %s: exit code %d, want %d", strings.Join(args, " "), got, code)
	}
	return answer{out.String(), errs.String()}
}

// says wants words in what was printed.
func (a answer) says(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(a.out+a.errs, w) {
			t.Errorf("%q is not in\n%s%s", w, a.out, a.errs)
		}
	}
}

// field reads a value of a JSON answer.
func (a answer) field(t *testing.T, name string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(a.out), &all); err != nil {
		t.Fatalf("%v: %s", err, a.out)
	}
	text, ok := all[name].(string)
	if !ok {
		t.Fatalf("no %s in %s", name, a.out)
	}
	return text
}

// newShell builds the program and configures it for a domain.
func newShell(t *testing.T, d *servers.Samba) *shell {
	t.Helper()
	s := &shell{t: t, dir: t.TempDir()}
	s.bin = filepath.Join(s.dir, "countersign")
	if out, err := exec.Command("go", "build", "-o", s.bin, "countersign/cmd/countersign").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	s.at = "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	inbox := notifytest.Start(t, notifytest.Account("desk", "mail-Passw0rd"))
	k := &site{t: t, dir: s.dir, inbox: inbox}
	k.configure(activeDirectory(d), s.at, listen)
	// Nobody waits three days here.
	policy := filepath.Join(s.dir, "policy.yaml")
	text, err := os.ReadFile(policy)
	k.must(err)
	k.must(os.WriteFile(policy, bytes.Replace(text, []byte("cool_off: 3d"), []byte("cool_off: 1s"), 1), 0o600))
	return s
}

// serve starts the server and waits until it says that it serves. The returned
// function stops it.
func (s *shell) serve() (stop func()) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.bin, "serve")
	cmd.Dir, cmd.Env = s.dir, []string{"HOME=" + s.dir}
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(errs)
	for lines.Scan() && !strings.Contains(lines.Text(), "msg=serving") {
	}
	rest := make(chan string, 1)
	go func() {
		var b strings.Builder
		for lines.Scan() {
			b.WriteString(lines.Text() + "\n")
		}
		rest <- b.String()
	}()
	return func() {
		s.t.Helper()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		log := <-rest
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("the server ended with %v: %s", err, log)
		}
	}
}

func TestAnAccountOfARealDomainIsResetFromTheCommandLine(t *testing.T) {
	t.Parallel()
	d := servers.StartSamba(t)
	d.Modify(t, servers.Plain, "department", "Payroll")
	s := newShell(t, d)
	founding := s.as("olive", 0, "--json", "roster", "init", "--person", "staff:olive", "--name", "Olive Park", "--roles", "officer,auditor")
	s.as("olive", 2, "request", "list").says(t, "not signed in")
	stop := s.serve()
	s.found(founding.field(t, "invitation"))
	seed, usable := s.enrol()

	<-usable
	s.as("finch", 1, "request", "open", servers.Nested, "--via", "phone").says(t, "hint")
	s.as("finch", 2, "request", "open", servers.Plain, "--via", "pigeon").says(t, "phone")
	opened := s.as("finch", 0, "--json", "request", "open", servers.Plain, "--via", "phone", "--ticket", "INC-1")
	id := opened.field(t, "id")
	s.as("wren", 1, "case", "claim", "AAAA-AAAA")
	s.as("wren", 0, "case", "claim", opened.field(t, "case"))
	s.as("wren", 1, "case", "prove", "totp", "--answer", "000000")
	code, err := totp.At(seed, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.as("wren", 0, "case", "prove", "totp", "--answer", code)
	s.as("wren", 1, "case", "secret")
	s.as("finch", 1, "approve", id, "--yes", "--passkey-file", "finch.key")
	s.as("boss", 2, "approve", id, "--passkey-file", "boss.key").says(t, "--yes")
	s.as("boss", 0, "approve", id, "--yes", "--passkey-file", "boss.key").says(t, "countersign/approval/v1", "login: "+servers.Plain)
	s.done(id)
	s.as("olive", 0, "request", "show", id).says(t, "done", "applied", "dead")
	s.as("olive", 0, "request", "show", "--timeline", id).says(t, "ordered", "dispatched", "received")

	secret := s.as("wren", 0, "--json", "case", "secret").field(t, "password")
	s.as("wren", 1, "case", "secret")
	if err := d.Bind(servers.Plain, servers.UserPassword); err == nil {
		t.Error("the old password still signs in")
	}
	if err := mustChange(d.Bind(servers.Plain, secret)); err != nil || !d.MustChange(t, servers.Plain) {
		t.Errorf("the new password: %v, must change: %v", err, d.MustChange(t, servers.Plain))
	}
	s.audit(id)
	s.as("olive", 0, "ledger", "check").says(t, "Everything is as the events")
	stop()
	s.as("olive", 2, "request", "show", id).says(t, "cannot be reached", "hint")
	s.as("olive", 0, "ledger", "check").says(t, "Everything is as the events")
}

// found founds the roster and fills it.
func (s *shell) found(invitation string) {
	s.t.Helper()
	s.as("olive", 0, "roster", "join", "--invitation", invitation, "--passkey-file", "olive.key", "--yes").says(s.t, "The roster stands")
	s.as("olive", 0, "sign-in", "--passkey-file", "olive.key")
	for who, more := range map[string][]string{
		"finch": {"--person", "staff:finch", "--name", "Finch Day", "--roles", "agent", "--desk", "helpdesk"},
		"boss":  {"--person", string(boss), "--name", "User boss", "--roles", "manager"},
	} {
		invited := s.as("olive", 0, append([]string{"--json", "roster", "invite"}, more...)...)
		joined := s.as(who, 0, "--json", "roster", "join", "--invitation", invited.field(s.t, "url"), "--passkey-file", who+".key")
		s.as("olive", 0, "roster", "countersign", joined.field(s.t, "proposal"), "--passkey-file", "olive.key", "--yes").says(s.t, "in effect")
		s.as(who, 0, "sign-in", "--passkey-file", who+".key")
	}
	s.as("olive", 0, "roster", "show").says(s.t, "Finch Day", "User boss")
}

// enrol registers an authenticator app for servers.Plain. It counts from the
// moment that the channel tells of.
func (s *shell) enrol() ([]byte, <-chan time.Time) {
	s.t.Helper()
	token := s.as("olive", 0, "--json", "token", "create", "onboarding", "enrolments:write", "--passkey-file", "olive.key", "--yes").field(s.t, "token")
	s.as("finch", 1, "enrol", "totp", servers.Plain)
	factor := s.as("hr", 0, "COUNTERSIGN_TOKEN="+token, "--json", "enrol", "totp", servers.Plain)
	uri, err1 := url.Parse(factor.field(s.t, "uri"))
	usable, err2 := time.Parse(time.RFC3339Nano, factor.field(s.t, "usable_at"))
	if err := errors.Join(err1, err2); err != nil {
		s.t.Fatal(err)
	}
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(uri.Query().Get("secret"))
	if err != nil {
		s.t.Fatal(err)
	}
	return seed, time.After(time.Until(usable))
}

// done asks until the request is done.
func (s *shell) done(id string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	for again := time.NewTicker(100 * time.Millisecond); ; {
		if s.as("finch", 0, "--json", "request", "show", id).field(s.t, "status") == "done" {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			s.t.Fatal("the request is not done")
		}
	}
}

// audit judges the bundle, and one in which a byte was changed.
func (s *shell) audit(id string) {
	s.t.Helper()
	s.as("finch", 1, "bundle", id)
	s.as("olive", 0, "bundle", id, "-o", "reset.json")
	verify := []string{"verify", "--log-key", "data/log.vkey", "--genesis", "data/genesis.json"}
	s.as("auditor", 0, append(verify, "reset.json")...).says(s.t, "allowed")
	s.as("auditor", 2, append(verify, "missing.json")...)
	raw, err := os.ReadFile(filepath.Join(s.dir, "reset.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "changed.json"), bytes.Replace(raw, []byte("INC-1"), []byte("INC-2"), 1), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.as("auditor", 1, append(verify, "changed.json")...).says(s.t, "not allowed")
}
