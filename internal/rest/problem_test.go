package rest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/reset"
)

// codes finds the codes that the packages below can answer with, in their
// sources: one that is not in the table would reach callers as a 500.
func codes(t *testing.T) []string {
	t.Helper()
	var found []string
	for dir, patterns := range map[string][]string{
		"../gate":   {`Fault\{(?:Code: )?"([a-z_]+)"`},
		"../signin": {`Fault\{(?:Code: )?"([a-z_]+)"`},
		"../reset":  {`(?m)^\t\w+\s+Code = "([a-z_]+)"`},
		".":         {`newProblem\("([a-z_]+)"`},
	} {
		files, err := fs.Glob(os.DirFS(dir), "*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			src, err := os.ReadFile(dir + "/" + f)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range patterns {
				for _, m := range regexp.MustCompile(p).FindAllSubmatch(src, -1) {
					found = append(found, string(m[1]))
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestEveryCodeHasAStatus(t *testing.T) {
	all := codes(t)
	if len(all) < 40 {
		t.Fatalf("only %d codes were found in the sources: %v", len(all), all)
	}
	for _, c := range all {
		if statuses[reset.Code(c)] == 0 {
			t.Errorf("%s has no status", c)
		}
	}
	for c, status := range statuses {
		if http.StatusText(status) == "" || status < 400 {
			t.Errorf("%s: %d is no status of a problem", c, status)
		}
	}
}

// table writes the codes the way docs/api.md lists them.
func table() string {
	var list []reset.Code
	for c := range statuses {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b reset.Code) int {
		return cmp.Or(cmp.Compare(statuses[a], statuses[b]), cmp.Compare(a, b))
	})
	var b strings.Builder
	b.WriteString("| status | codes |\n|---|---|\n")
	for i, c := range list {
		if i == 0 || statuses[list[i-1]] != statuses[c] {
			fmt.Fprintf(&b, "| %d %s | ", statuses[c], http.StatusText(statuses[c]))
		}
		fmt.Fprintf(&b, "`%s`", c)
		if i+1 < len(list) && statuses[list[i+1]] == statuses[c] {
			b.WriteString(" ")
		} else {
			b.WriteString(" |\n")
		}
	}
	return b.String()
}

func TestTheManualListsEveryCode(t *testing.T) {
	const file, begin, end = "../../docs/api.md", "<!-- codes -->\n", "<!-- /codes -->"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(raw), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	if *update {
		if err := os.WriteFile(file, []byte(head+begin+table()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table() {
		t.Errorf("the table of codes in %s is stale: run go generate ./internal/rest", file)
	}
}

func TestProblemsTellCallersOnlyWhatIsTheirs(t *testing.T) {
	s := &api{log: discard()}
	for _, c := range []struct {
		err    error
		status int
		code   reset.Code
		detail string
	}{
		{gate.ErrNoRequest, 404, "not_found", gate.ErrNoRequest.Msg},
		{fmt.Errorf("%w (%w)", gate.ErrDirectory, errors.New("dial tcp 10.0.0.1: refused")), 503, "directory_unavailable", gate.ErrDirectory.Msg},
		{&reset.Refusal{Code: reset.MethodLocked, Msg: "locked"}, 423, reset.MethodLocked, "locked"},
		{&reset.Refusal{Code: "brand_new", Msg: "not in the table"}, 500, "internal", "something went wrong here; nothing is known to have been done"},
		{errors.New("password=hunter2"), 500, "internal", "something went wrong here; nothing is known to have been done"},
	} {
		p := s.problem(t.Context(), c.err)
		if p.Status != c.status || p.Code != c.code || p.Detail != c.detail {
			t.Errorf("%v: %+v", c.err, p)
		}
	}
	if h := s.problem(t.Context(), gate.ErrDirectory).GetHeaders(); h.Get("Retry-After") != "10" {
		t.Errorf("headers %v", h)
	}
}
