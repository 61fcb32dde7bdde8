// Package servers starts real directory servers for tests: a Samba Active
// Directory domain controller and an OpenLDAP slapd, each on loopback, with the
// same small company in it and a service account that may do no more than
// docs/directories.md tells operators to grant.
//
// A missing program skips the test, and fails it under CI=true, so that a
// pipeline cannot quietly test nothing. Servers stop with the test that started
// them, and with the test process if that dies first.
package servers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The company both servers hold. Passwords are known, so that tests can sign in.
const (
	Plain    = "plain"    // has a manager, a mailbox, a mobile and an employee number
	Boss     = "boss"     // the manager of Plain
	Nested   = "nested"   // an administrator, by groups within groups only
	Disabled = "disabled" // may not sign in
	Second   = "second"   // another account of the person who owns Plain
	Robot    = "robot"    // a service account
	// UserPassword is what every user starts with.
	UserPassword = "Start-Passw0rd-of-users"
	// GoodPassword satisfies both servers' rules.
	GoodPassword = "Fresh-Passw0rd-42-given"
	// WeakPassword satisfies neither, and cannot stand in a GUID by chance.
	WeakPassword = "weak"
	// Employee is the employee number of Plain and Second.
	Employee = "E1001"
	// ServicePassword is the service account's.
	ServicePassword = "Svc-Passw0rd-for-tests"
)

// missing skips the test, or fails it where everything has to be present.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("needs %s", what)
	}
	t.Skipf("needs %s", what)
}

// find looks a program up on the path and in the places for daemons.
func find(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/lib/openldap"} {
		if p := filepath.Join(dir, name); isFile(p) {
			return p
		}
	}
	return ""
}

func isFile(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode().IsRegular()
}

// process is a server that runs for as long as its standard input is open: the
// shell in front of it waits there. When this process dies, however it dies,
// the kernel closes the pipe and the server goes too.
type process struct {
	cmd  *exec.Cmd
	stop func()
	done chan struct{}
	log  *safeBuffer
}

const guard = `"$@" & p=$!; read -r _; kill "$p" 2>/dev/null; i=0
while kill -0 "$p" 2>/dev/null && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done
kill -9 "$p" 2>/dev/null; wait "$p"`

func start(args ...string) (*process, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", guard, "sh"}, args...)...)
	p := &process{cmd: cmd, done: make(chan struct{}), log: new(safeBuffer)}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = cmd.Wait(); close(p.done) }()
	p.stop = sync.OnceFunc(func() { _ = in.Close(); <-p.done })
	return p, nil
}

// ready waits until every address takes connections.
func (p *process) ready(ctx context.Context, addrs ...string) error {
	for _, a := range addrs {
		for {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", a)
			if err == nil {
				_ = c.Close()
				break
			}
			select {
			case <-p.done:
				return fmt.Errorf("the server ended: %s", p.log)
			case <-ctx.Done():
				return fmt.Errorf("the server does not answer at %s: %s", a, p.log)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// run executes a tool to its end.
func run(args ...string) error {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args[:min(3, len(args))], " "), err, out)
	}
	return nil
}

type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
