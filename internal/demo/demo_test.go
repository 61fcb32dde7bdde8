package demo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/demo"
)

func TestThePlayGoesAsWrittenAndLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	text := out.String()
	at := 0
	for _, want := range []string{
		"A caller with all the right answers", "answer_refused", "401 session_unknown",
		"An impatient agent", "403 forbidden", "405 method_not_allowed", "400 unknown_field", "403 separation_of_duties",
		"countersign/approval/v1", "The password really changes", "refused", "accepted, must change", "409 illegal_transition",
		"This wasn't me", "403 not_available", "A changed byte in the ledger is caught", "does not have the hash",
		"One file proves it", "allowed", "not allowed: inclusion", "All of it went as it should",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("after %d bytes there is no %q in\n%s", at, want, text)
		}
		at += i + len(want)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colours without a terminal")
	}
	for _, l := range strings.Split(text, "\n") {
		if len([]rune(l)) > 140 && !strings.Contains(l, "│") && !strings.Contains(l, "served at") {
			t.Errorf("a long line: %s", l)
		}
	}
	if rest, _ := os.ReadDir(os.TempDir()); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// watcher ends the play when a text goes by.
type watcher struct {
	text string
	seen func()
}

func (w watcher) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.text) {
		w.seen()
	}
	return len(b), nil
}

func TestItStaysUpUntilTheAudienceLeavesWithAWeekBehindIt(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	left, past, came := false, 7, "There were 37:"
	if raced {
		past, came = 1, "There were "
	}
	var out bytes.Buffer
	err := demo.Run(ctx, demo.Options{Out: io.MultiWriter(&out, watcher{"Ctrl-C ends it", func() { left = true; cancel() }}), Stay: true, Days: past})
	if err != nil || !left {
		t.Errorf("left %v: %v", left, err)
	}
	for _, want := range []string{fmt.Sprintf("%d days of everyday requests come first", past), came, "/demo", "/join#inv_"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
}

func TestItShowsTheCastInABrowserWhereThereIsAScreen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIP: needs xdg-open's name")
	}
	bin := t.TempDir()
	shown := filepath.Join(bin, "shown")
	if err := errors.Join(syscall.Mkfifo(shown, 0o600), os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\necho \"$1\" > "+shown+"\nexit 1\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("DISPLAY", ":0")
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	var out bytes.Buffer
	go func() { over <- demo.Run(ctx, demo.Options{Out: &out, Stay: true, Browse: true}) }()
	opened := make(chan string, 1)
	go func() { at, _ := os.ReadFile(shown); opened <- strings.TrimSpace(string(at)) }()
	select {
	case at := <-opened:
		cancel()
		if err := <-over; err != nil {
			t.Errorf("a browser that fails ends the play: %v", err)
		}
		if !strings.HasPrefix(at, "http://localhost:") || !strings.HasSuffix(at, "/demo") || !strings.Contains(out.String(), at) {
			t.Errorf("it was sent to %q", at)
		}
	case err := <-over:
		t.Fatalf("the play ended: %v", err)
	}
	cancel()
}

func TestAPlayThatIsInterruptedFailsAndNamesItsStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := demo.Run(ctx, demo.Options{Out: watcher{"An impatient agent", cancel}})
	if err == nil || !strings.HasPrefix(err.Error(), "demo: an agent tries to ") {
		t.Errorf("%v", err)
	}
}

func TestItSpeaksPlainHTTPToItsOwnMachineAlone(t *testing.T) {
	for _, bad := range []string{"0.0.0.0:0", "10.0.0.1:1", "example.org:80", "nonsense"} {
		if err := demo.Run(t.Context(), demo.Options{Out: io.Discard, Listen: bad}); err == nil || !strings.Contains(err.Error(), "is not an address of this machine alone") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestItRefusesAFolderWithSomethingElseInIt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := demo.Run(t.Context(), demo.Options{Out: io.Discard, Dir: dir}); err == nil || !strings.Contains(err.Error(), `"thesis.txt"`) {
		t.Errorf("%v", err)
	}
}
