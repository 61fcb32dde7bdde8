package main

import (
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"countersign/internal/proof/device"
)

// answers KEY STATEMENT asks whether the last command printed the answer of the
// device whose public key this is.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: answers KEY STATEMENT")
	}
	key, err := device.ParseKey([]byte(ts.ReadFile(args[0])), nil, time.Time{})
	ts.Check(err)
	answer, ended := strings.CutSuffix(ts.ReadFile("stdout"), "\n")
	err = device.Verify(key, []byte(ts.ReadFile(args[1])), answer)
	if !ended || (err == nil) == neg {
		ts.Fatalf("%q: %v", answer, err)
	}
}
