package house_test

import (
	"strings"
	"testing"
	"testing/fstest"
)

// A small house with one fault at a time: what the checker would miss here it
// would miss in the real tree.
func TestTheCheckerFindsEachKindOfFault(t *testing.T) {
	for _, c := range []struct {
		name, path, code, want string
	}{
		{"a package without a row", "internal/attic/a.go", "package attic", "has no row"},
		{"an import of a package without a row", "internal/gate/a.go", `package gate; import _ "countersign/internal/attic"`, "that package has no row"},
		{"a pure package with a context", "internal/reset/a.go", `package reset; import _ "context"`, "computes and does nothing else"},
		{"a pure package that rolls dice", "internal/reset/a.go", `package reset; import _ "math/rand/v2"`, "computes and does nothing else"},
		{"a pure package that reads the clock", "internal/reset/a.go", `package reset; import "time"; var t = time.Now()`, "time is an argument"},
		{"a clock under another name", "internal/reset/a.go", `package reset; import zeit "time"; var now = zeit.Now`, "time is an argument"},
		{"a dot import", "internal/reset/a.go", `package reset; import . "time"; var t = Now()`, "dot import"},
		{"a pure package that prints", "internal/reset/a.go", `package reset; import "fmt"; func f() { fmt.Println() }`, "writes nothing"},
		{"a pure package with a goroutine", "internal/reset/a.go", `package reset; func f() { go f() }`, "no goroutine"},
		{"a pure package with a port", "internal/reset/a.go", `package reset; import _ "countersign/internal/store"`, "a pure may not use a port"},
		{"a pure package reaching past its row", "internal/identity/a.go", `package identity; import _ "countersign/internal/reset"`, "the row does not list it"},
		{"a gate that names a backend", "internal/gate/a.go", `package gate; import _ "countersign/internal/store/sqlite"`, "a service may not use a backend"},
		{"a backend that leans on a sibling", "internal/directory/ldap/a.go", `package ldap; import _ "countersign/internal/directory/local"`, "a backend may not use a backend"},
		{"an API that opens the store", "internal/rest/a.go", `package rest; import _ "countersign/internal/store"`, "a face may not use a port"},
		{"an API that reads the policy", "internal/rest/a.go", `package rest; import _ "countersign/internal/policy"`, "the row does not list it"},
		{"an API that knows the console", "internal/rest/a.go", `package rest; import _ "countersign/internal/console"`, "a face may not use a face"},
		{"a vendor outside its room", "internal/gate/a.go", `package gate; import _ "github.com/go-ldap/ldap/v3"`, "stays in its room"},
		{"a vendor with a similar name", "internal/directory/ldap/a.go", `package ldap; import _ "github.com/go-ldap/ldap/v33"`, "stays in its room"},
		{"cgo", "internal/store/sqlite/a.go", `package sqlite; import "C"`, "cgo is refused"},
		{"testing in the product", "internal/gate/a.go", `package gate; import _ "testing/iotest"`, "granted by row"},
		{"a suite in the product", "internal/app/a.go", `package app; import _ "countersign/internal/store/storetest"`, "never becomes part"},
		{"a shell in the product", "internal/gate/a.go", `package gate; import _ "os/exec"`, "granted by row"},
		{"a log without levels", "internal/gate/a.go", `package gate; import _ "log"`, "granted by row"},
		{"a database outside the store", "internal/gate/a.go", `package gate; import _ "database/sql/driver"`, "granted by row"},
		{"an auditor's program with wiring", "cmd/countersign-verify/a.go", `package main; import _ "countersign/internal/app"`, "the row does not list it"},
		{"an init function", "internal/app/a.go", `package app; func init() {}`, "init()"},
		{"an init function in a test", "internal/app/a_test.go", `package app; func init() {}`, "init()"},
		{"a test that sleeps", "internal/gate/a_test.go", `package gate; import "time"; func f() { time.Sleep(1) }`, "wait for the event"},
		{"a handler that sleeps", "internal/gate/a.go", `package gate; import "time"; func f() { time.Sleep(1) }`, "wait for the event"},
		{"a shapeless name", "internal/directory/directorytest/util/a.go", `package util`, "names no thing"},
		{"a fault behind a build tag", "internal/reset/a.go", "//go:build plan9\n\npackage reset\n\nimport _ \"os\"", "computes and does nothing else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := faultsIn(t, c.path, c.code)
			if !strings.Contains(faults, c.want) {
				t.Errorf("want a fault that says %q, got %q", c.want, faults)
			}
		})
	}
}

func TestTheCheckerLeavesGoodWorkAlone(t *testing.T) {
	for _, c := range []struct{ name, path, code string }{
		{"a pure package on its floor", "internal/reset/a.go", `package reset; import ("fmt"; "time"; _ "countersign/internal/policy"); func f(t time.Time) string { return fmt.Sprint(t) }`},
		{"a vendor in its room, by a subpackage", "internal/policy/a.go", `package policy; import _ "cel.dev/cel-go/common/types"`},
		{"wiring that names backends", "internal/app/a.go", `package app; import _ "countersign/internal/store/sqlite"`},
		{"a gate with a mutex, a clock and a log", "internal/gate/a.go", `package gate; import (_ "sync"; _ "log/slog"; "time"); var now = time.Now`},
		{"a method called init", "internal/gate/a.go", `package gate; type s struct{}; func (s) init() {}`},
		{"a pure package's test with the world in it", "internal/reset/a_test.go", `package reset; import ("os"; "time"; "testing"); var _ = testing.Short; var _ = os.Args; var t = time.Now()`},
		{"a test that moves time in a bubble", "internal/gate/a_test.go", `package gate; import ("time"; _ "testing/synctest"); func f() { time.Sleep(1) }`},
		{"a suite that waits for a process", "internal/directory/directorytest/samba/a.go", `package samba; import ("time"; _ "os/exec"; _ "testing"); func f() { time.Sleep(1) }`},
		{"a fixture", "internal/reset/testdata/a.go", `package attic; import "C"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if faults := faultsIn(t, c.path, c.code); faults != "" {
				t.Error(faults)
			}
		})
	}
}

func TestTheCheckerLeavesNestedModulesAlone(t *testing.T) {
	tree := fstest.MapFS{
		"bench/go.mod": {Data: []byte("module countersign/bench")},
		"bench/a.go":   {Data: []byte(`package bench; import "C"`)},
	}
	got, err := inspect(tree, rows)
	if err != nil || got.files != 0 {
		t.Errorf("read %d files of another module (%v)", got.files, err)
	}
}

func TestTheCheckerRefusesATowerOfImports(t *testing.T) {
	tree, letters := fstest.MapFS{}, "abcdefghijklmn"
	for i := range len(letters) - 1 {
		name, next := letters[i:i+1], letters[i+1:i+2]
		tree["internal/app/"+name+"/x.go"] = &fstest.MapFile{
			Data: []byte("package " + name + `; import _ "countersign/internal/app/` + next + `"`)}
	}
	got, err := inspect(tree, []row{{at: "internal/app/...", floor: wiring, ours: "..."}})
	if err != nil || len(got.faults) != 1 || !strings.Contains(got.faults[0], "tower") {
		t.Errorf("a chain of %d imports passed: %q (%v)", got.depth, got.faults, err)
	}
}

func TestTheCheckerStopsAtAFileItCannotRead(t *testing.T) {
	tree := fstest.MapFS{"internal/reset/a.go": {Data: []byte("package")}}
	if _, err := inspect(tree, rows); err == nil {
		t.Error("a file that does not parse passed")
	}
}

func faultsIn(t *testing.T, path, code string) string {
	t.Helper()
	got, err := inspect(fstest.MapFS{path: {Data: []byte(code)}}, rows)
	if err != nil {
		t.Fatal(err)
	}
	if got.files+strings.Count(path, "testdata") != 1 {
		t.Fatalf("read %d files, want 1", got.files)
	}
	return strings.Join(got.faults, "\n")
}
