package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/demo"
)

// left is what a real reset leaves for an auditor, made once.
var left = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "countersign-verify-")
	if err != nil {
		return "", err
	}
	return dir, demo.Run(context.Background(), demo.Options{Out: io.Discard, Dir: dir})
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := left(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// says runs the program on a copy of what was left, after change.
func says(t *testing.T, change func(dir string), args ...string) (code int, out, errs string) {
	t.Helper()
	from, err := left()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"reset.countersign.json", "log.vkey", "genesis.json"} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	change(dir)
	all := append([]string{"--log-key", dir + "/log.vkey", dir + "/reset.countersign.json", "--genesis", dir + "/genesis.json"}, args...)
	var o, e bytes.Buffer
	code = run(all, strings.NewReader(""), &o, &e, time.Now())
	return code, o.String(), e.String()
}

func asItIs(string) {}

func edit(t *testing.T, name string, f func(string) string) func(string) {
	return func(dir string) {
		t.Helper()
		path := filepath.Join(dir, name)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := f(string(raw))
		if changed == string(raw) {
			t.Fatalf("nothing was changed in %s", name)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARealResetIsAllowed(t *testing.T) {
	code, out, errs := says(t, asItIs)
	if code != 0 || !strings.HasSuffix(out, "\nallowed\n") || errs != "" {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, _ = says(t, asItIs, "--json")
	var r struct {
		Verdict string
		Steps   []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Verdict != "allowed" || len(r.Steps) < 6 {
		t.Errorf("%d %v\n%s", code, err, out)
	}
}

func TestWhatWasChangedIsNotAllowed(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"the signer":   func(s string) string { return strings.Replace(s, "person:n.berg", "person:n.bern", 1) },
		"the outcome":  func(s string) string { return strings.Replace(s, `"applied"`, `"not_applied"`, 1) },
		"a time":       func(s string) string { return strings.Replace(s, `"at": "20`, `"at": "21`, 1) },
		"the request":  func(s string) string { return strings.Replace(s, `"request": "req_`, `"request": "req_x`, 1) },
		"a commitment": func(s string) string { return strings.Replace(s, `"salt"`, `"malt"`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := says(t, edit(t, "reset.countersign.json", change))
			if code == 0 || strings.Contains(out, "\nallowed") {
				t.Errorf("%d\n%s%s", code, out, errs)
			}
		})
	}
}

// Any one byte of the bundle, changed, is never allowed: either the file no
// longer reads, or something in it no longer holds.
func TestNoByteOfTheBundleIsFree(t *testing.T) {
	from, err := left()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(from, "reset.countersign.json"))
	if err != nil {
		t.Fatal(err)
	}
	key, err1 := os.ReadFile(filepath.Join(from, "log.vkey"))
	genesis, err2 := os.ReadFile(filepath.Join(from, "genesis.json"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"k": key, "g": genesis} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	step := max(1, len(raw)/400) // each byte would take a minute
	for i := 0; i < len(raw); i += step {
		if strings.ContainsRune(" \n", rune(raw[i])) {
			continue // between the members, which mean the same
		}
		forged := bytes.Clone(raw)
		forged[i] ^= 1
		var out, errs bytes.Buffer
		code := run([]string{"--log-key", dir + "/k", "--genesis", dir + "/g", "-"}, bytes.NewReader(forged), &out, &errs, time.Now())
		if code == 0 {
			t.Fatalf("byte %d (%q in %q) may be anything:\n%s", i, raw[i], raw[max(0, i-20):min(len(raw), i+20)], out.String())
		}
	}
}

func TestWhatCannotBeReadIsNotJudged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(string)
		want   string
	}{
		"another file": {edit(t, "reset.countersign.json", func(string) string { return "{}" }), "format is"},
		"no JSON":      {edit(t, "reset.countersign.json", func(string) string { return "hello" }), "the file is not a bundle"},
		"no key":       {edit(t, "log.vkey", func(string) string { return "hello" }), "the log key is not a verifier key"},
		"no genesis":   {edit(t, "genesis.json", func(string) string { return "{}" }), "reads \"countersign/genesis/v1\""},
		"no file":      {func(dir string) { _ = os.Remove(dir + "/log.vkey") }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := says(t, c.change)
			if code != 2 || out != "" || !strings.Contains(errs, "cannot say: ") || !strings.Contains(errs, c.want) {
				t.Errorf("%d\n%s%s", code, out, errs)
			}
		})
	}
}

func TestAWrongCallIsToldHow(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "--log-key is missing"},
		{[]string{"--log-key", "k"}, 2, "the bundle, or the ledger's folder, is missing"},
		{[]string{"--log-key", "k", "b"}, 2, "--genesis is missing"},
		{[]string{"--log-key", "k", "--genesis", "g", "a", "b"}, 2, "name one bundle"},
		{[]string{"--nonsense"}, 2, "nonsense"},
		{[]string{"--help"}, 0, "Usage: countersign-verify"},
	} {
		var out, errs bytes.Buffer
		if code := run(c.args, strings.NewReader(""), &out, &errs, time.Now()); code != c.code || !strings.Contains(out.String()+errs.String(), c.want) {
			t.Errorf("%v: %d\n%s%s", c.args, code, &out, &errs)
		}
	}
}
