package lint_test

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if raced {
		_ = flag.Set("rapid.checks", "10")
	}
	os.Exit(m.Run())
}
