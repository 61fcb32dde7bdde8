package servers_test

import (
	"os"
	"strings"
	"testing"

	"countersign/internal/directory/directorytest/servers"
)

func TestTheDocumentedAccessEntriesAreTheOnesTestedWith(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/directories.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, ace := range servers.LeastPrivilege("SID") {
		if !strings.Contains(string(page), ace) {
			t.Errorf("docs/directories.md does not grant %s", ace)
		}
	}
	if n := strings.Count(string(page), "--sddl="); n != len(servers.LeastPrivilege("")) {
		t.Errorf("docs/directories.md grants %d entries, the tests run with %d", n, len(servers.LeastPrivilege("")))
	}
}
