package house_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign/internal/reset"
)

// pages are the texts that people read, by their paths.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}
	for _, pattern := range []string{"docs/*.md", "docs/design/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, more...)
	}
	all := map[string]string{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(raw)
	}
	return all
}

var ourPath = regexp.MustCompile(`(?:^|[\s("'` + "`" + `]|\.\.?/)((?:internal|cmd|policies|scripts)/[\w./-]*\w)`)

func TestEveryFileThatAPageNamesExists(t *testing.T) {
	for page, text := range pages(t) {
		for _, m := range ourPath.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestEveryLinkBetweenPagesLeadsSomewhere(t *testing.T) {
	for page, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if err := leads(page, m[1]); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}

func leads(page, to string) error {
	file, anchor, _ := strings.Cut(to, "#")
	at := page
	if file != "" {
		at = path.Join(path.Dir(page), file)
	}
	info, err := os.Stat(at)
	if err != nil || anchor == "" || info.IsDir() {
		return err
	}
	raw, err := os.ReadFile(at)
	if err != nil {
		return err
	}
	for _, h := range heading.FindAllStringSubmatch(string(raw), -1) {
		if strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-") == anchor {
			return nil
		}
	}
	return errors.New("there is no such heading")
}

// A reader has neither our home nor our workshop.
func TestNoPageNamesAPathOfSomebodysMachine(t *testing.T) {
	machine := regexp.MustCompile(`(?:^|[\s"'(=` + "`" + `])/(?:root|home|Users|work|workspace)/`)
	for page, text := range pages(t) {
		if m := machine.FindString(text); m != "" {
			t.Errorf("%s names %q", page, strings.TrimSpace(m))
		}
	}
}

var testName = regexp.MustCompile("\\b((?:Test|Fuzz)[A-Z]\\w+)")

// A test that a page rests its word on is there, whatever became of the code.
func TestEveryTestThatAPageNamesExists(t *testing.T) {
	all, err := parse(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, s := range all {
		for _, d := range s.syntax.Decls {
			for _, n := range declared(d) {
				have[n] = have[n] || s.test
			}
		}
	}
	found := 0
	for page, text := range pages(t) {
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			if found++; !have[m[1]] {
				t.Errorf("%s names the test %s, which does not exist", page, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d names of tests were found", found)
	}
}

// symbols are the names that a package declares at its top: F, T, T.Method.
// Test files count for nothing.
func symbols(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	for _, s := range goSources(t) {
		name := s.syntax.Name.Name
		if all[name] == nil {
			all[name] = map[string]bool{}
		}
		for _, d := range s.syntax.Decls {
			for _, n := range declared(d) {
				all[name][n] = true
			}
		}
	}
	return all
}

func goSources(t *testing.T) []source {
	t.Helper()
	all, err := parse(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(s source) bool { return s.test || s.syntax.Name.Name == "main" })
}

func declared(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		of := d.Recv.List[0].Type
		pointer := ""
		if star, ok := of.(*ast.StarExpr); ok {
			of, pointer = star.X, "*"
		}
		if id, ok := of.(*ast.Ident); ok {
			return []string{pointer + id.Name + "." + d.Name.Name}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					names = append(names, id.Name)
				}
			}
		}
	}
	return names
}

// Names of code stand in the pages as Go itself writes them: gate.Wish,
// gate.(*Gate).Open, reset.State.Status.
var codeName = regexp.MustCompile("`([a-z]+)\\.(?:\\((\\*\\w+)\\)\\.(\\w+)|(\\w+(?:\\.\\w+)?))`")

func TestEveryFunctionThatAPageNamesExists(t *testing.T) {
	all, found := symbols(t), 0
	for page, text := range pages(t) {
		ours := page == "docs/way-of-a-request.md" || page == "docs/evidence.md" || page == "docs/proof.md" || strings.HasPrefix(page, "docs/design/")
		for _, m := range codeName.FindAllStringSubmatch(text, -1) {
			have, known := all[m[1]]
			name := m[4]
			if m[2] != "" {
				name = m[2] + "." + m[3]
			}
			if !ours || !known || strings.Contains(" go json yaml md ", " "+name+" ") {
				continue // a fact of the policy language, a file, somebody else's package
			}
			if found++; !have[name] {
				t.Errorf("%s names %s, which the code does not have", page, m[0])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d names of code were found: the pages are written otherwise than this test reads them", found)
	}
}

// eventTypes finds the names that events have on the ledger, where they are
// given: in methods Type() string that return a text.
func eventTypes(t *testing.T, packages ...string) map[string]bool {
	t.Helper()
	types := map[string]bool{}
	for _, s := range goSources(t) {
		if !slices.Contains(packages, s.dir) {
			continue
		}
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "Type" {
				types[returned(f)] = true
			}
		}
	}
	return types
}

func returned(f *ast.FuncDecl) string {
	if len(f.Body.List) == 1 {
		if r, ok := f.Body.List[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 {
			if lit, ok := r.Results[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				return text
			}
		}
	}
	return fmt.Sprintf("(a Type at %d that is not a text)", f.Pos())
}

func TestThePagesSpeakOfEveryEvent(t *testing.T) {
	all := pages(t)
	types := eventTypes(t, "internal/reset", "internal/roster", "internal/gate")
	if len(types) < 25 {
		t.Errorf("only %d types of events were found", len(types))
	}
	for kind := range types {
		if !strings.Contains(all["docs/way-of-a-request.md"], "`"+kind+"`") {
			t.Errorf("docs/way-of-a-request.md does not speak of %s", kind)
		}
		if !strings.Contains(all["docs/evidence.md"], "`"+kind+"`") && kind != "enrolled" {
			t.Errorf("docs/evidence.md does not speak of %s", kind)
		}
	}
}

func TestThePagesSpeakOfEveryState(t *testing.T) {
	text := pages(t)["docs/way-of-a-request.md"]
	ends := []reset.Status{reset.Done, reset.Failed, reset.RefusedEnd, reset.Denied, reset.CancelledBy, reset.ExpiredEnd, reset.Vetoed}
	for _, s := range slices.Concat(reset.OpenStatuses, ends) {
		if !strings.Contains(text, "`"+string(s)+"`") {
			t.Errorf("docs/way-of-a-request.md does not speak of %s", s)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// fenced is the first block of code in a language that a file holds.
func fenced(t *testing.T, file, language string) string {
	t.Helper()
	raw, err := fs.ReadFile(os.DirFS("."), file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "```"+language+"\n")
	block, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("%s has no block of %s", file, language)
	}
	return block
}
