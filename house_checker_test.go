package house_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	module = "countersign"
	// maxDepth is the number of floors from a command down to the words that
	// all share, one package a floor, as the design has them.
	maxDepth = 12
)

// floor is where a package lives. A package uses floors below it, never above.
type floor string

const (
	pure    floor = "pure"    // values in, values out
	tool    floor = "tool"    // one job for others, no knowledge of requests
	port    floor = "port"    // what is asked of the outside world
	backend floor = "backend" // one way to give it
	service floor = "service" // the door, the hands, sign-in
	face    floor = "face"    // how people and programs reach the door
	wiring  floor = "wiring"  // puts the parts together
	command floor = "command" // flags and a call
	suite   floor = "suite"   // judges implementations; never part of the product
	exempt  floor = "exempt"
)

var below = map[floor][]floor{
	pure:    {pure},
	tool:    {pure, port},
	port:    {pure},
	backend: {pure, port, tool},
	service: {pure, port, tool, service},
	face:    {pure, service},
	wiring:  {pure, port, tool, backend, service, face, wiring},
	command: {pure, tool, wiring},
	suite:   {pure, port, tool, backend, service, face, wiring, suite},
}

func (f floor) mayUse(g floor) bool { return slices.Contains(below[f], g) }

// row is what one package, or with a trailing /... one folder of packages, may
// import. Lists are words separated by space.
type row struct {
	at      string
	floor   floor
	ours    string // below internal/, or from the root where it begins with a slash; "..." is everything the floor allows
	std     string // words of guardedStd that are granted; whole of std otherwise, or pureStd
	vendors string // import path prefixes
}

func (r row) allowsOurs(dir string) bool {
	return slices.ContainsFunc(strings.Fields(r.ours), func(p string) bool {
		if root, ok := strings.CutPrefix(p, "/"); ok {
			return covers(root, dir)
		}
		return p == "..." || covers("internal/"+p, dir)
	})
}

// covers reports whether pattern (a path, or a path and /...) names dir.
func covers(pattern, dir string) bool {
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == root || strings.HasPrefix(dir, root+"/")
	}
	return pattern == dir
}

// within reports whether one of the words is imp or a parent of it.
func within(words, imp string) bool {
	return slices.ContainsFunc(strings.Fields(words), func(p string) bool { return covers(p+"/...", imp) })
}

// rowOf is the row with the longest pattern that names dir.
func rowOf(rows []row, dir string) (row, bool) {
	var found row
	for _, r := range rows {
		if covers(r.at, dir) && len(r.at) > len(found.at) {
			found = r
		}
	}
	return found, found.at != ""
}

type report struct {
	faults          []string
	unused          []string
	files, packages int
	depth           int
}

type source struct {
	path, dir string
	test      bool
	fset      *token.FileSet
	syntax    *ast.File
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// inspect holds every Go file of the tree against the rows.
func inspect(tree fs.FS, rows []row) (report, error) {
	sources, err := parse(tree)
	if err != nil {
		return report{}, err
	}
	rep := report{files: len(sources)}
	graph := map[string][]string{}
	used := map[string]bool{}
	for _, s := range sources {
		if s.dir == "." && s.test {
			continue // the rules themselves
		}
		r, ok := rowOf(rows, s.dir)
		if !ok {
			rep.faults = append(rep.faults, fmt.Sprintf(
				"%s: package %s has no row in house_test.go: decide on which floor it lives and add one", s.path, s.dir))
			continue
		}
		used[r.at] = true
		rep.faults = append(rep.faults, judge(s, r, rows)...)
		if !s.test {
			graph[s.dir] = append(graph[s.dir], oursIn(s)...)
		}
	}
	for _, r := range rows {
		if !used[r.at] {
			rep.unused = append(rep.unused, r.at)
		}
	}
	rep.packages = len(graph)
	known := map[string]int{}
	for _, dir := range slices.Sorted(maps.Keys(graph)) {
		rep.depth = max(rep.depth, depth(graph, dir, known))
	}
	if rep.depth > maxDepth {
		rep.faults = append(rep.faults, fmt.Sprintf("a chain of %d imports: more than %d is a tower", rep.depth, maxDepth))
	}
	return rep, nil
}

// parse reads the module's own files: nested modules, fixtures and hidden
// folders are somebody else's house.
func parse(tree fs.FS) ([]source, error) {
	var all []source
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(tree, p, d.Name())
		}
		if path.Ext(p) != ".go" || strings.HasPrefix(d.Name(), "_") {
			return nil
		}
		text, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		s := source{path: p, dir: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), fset: token.NewFileSet()}
		if s.syntax, err = parser.ParseFile(s.fset, p, text, parser.SkipObjectResolution); err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

func enter(tree fs.FS, dir, name string) error {
	if dir == "." {
		return nil
	}
	if name == "testdata" || name == "node_modules" || name[0] == '.' || name[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(tree, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// judge answers with the faults of one file.
func judge(s source, r row, rows []row) []string {
	if r.floor == exempt {
		return nil
	}
	faults := judgeName(s)
	faults = append(faults, judgeCode(s, r)...)
	if s.test {
		return faults
	}
	for _, spec := range s.syntax.Imports {
		imp, _ := strconv.Unquote(spec.Path.Value)
		if spec.Name != nil && spec.Name.Name == "." {
			faults = append(faults, fmt.Sprintf("%s: dot import of %s hides where names come from", s.at(spec), imp))
		}
		if f := judgeImport(imp, r, rows); f != "" {
			faults = append(faults, fmt.Sprintf("%s: %s imports %s: %s", s.at(spec), s.dir, imp, f))
		}
	}
	return faults
}

func judgeName(s source) []string {
	const shapeless = "util utils common helper helpers models types pkg core misc shared"
	if slices.Contains(strings.Fields(shapeless), path.Base(s.dir)) {
		return []string{fmt.Sprintf("%s: %q names no thing of the domain", s.path, path.Base(s.dir))}
	}
	return nil
}

// judgeImport says why the row does not allow the import, or "".
func judgeImport(imp string, r row, rows []row) string {
	first, _, _ := strings.Cut(imp, "/")
	switch {
	case imp == "C":
		return "cgo is refused: the product is one static binary"
	case first == module:
		return judgeOurs(strings.TrimPrefix(imp, module+"/"), r, rows)
	case strings.Contains(first, "."):
		if !within(r.vendors, imp) {
			return "a vendor's module stays in its room; the row does not list it"
		}
	case r.floor == pure:
		if !slices.Contains(strings.Fields(pureStd), imp) {
			return "a pure package computes and does nothing else; take the value as an argument"
		}
	case imp != "log/slog" && within(guardedStd, imp) && !within(r.std, imp):
		return "this part of the standard library is granted by row"
	}
	return ""
}

func judgeOurs(dir string, r row, rows []row) string {
	target, ok := rowOf(rows, dir)
	switch {
	case !ok:
		return "that package has no row in house_test.go"
	case target.floor == suite && r.floor != suite:
		return "a test suite never becomes part of the product"
	case !r.floor.mayUse(target.floor):
		return fmt.Sprintf("a %s may not use a %s", r.floor, target.floor)
	case !r.allowsOurs(dir):
		return "the row does not list it; ask whoever is allowed to, or widen the row with a reason"
	}
	return ""
}

// judgeCode looks at what a file does rather than what it imports.
func judgeCode(s source, r row) []string {
	var faults []string
	say := func(n ast.Node, text string) { faults = append(faults, s.at(n)+": "+text) }
	names := importNames(s)
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				say(n, "init() runs behind everybody's back; call a constructor from app")
			}
		case *ast.GoStmt:
			if r.floor == pure && !s.test {
				say(n, "a pure package starts no goroutine")
			}
		case *ast.SelectorExpr:
			if f := judgeSelector(names, n, s.test, r.floor); f != "" {
				say(n, f)
			}
		}
		return true
	})
	return faults
}

const clock = "Now Since Until Sleep After AfterFunc Tick NewTimer NewTicker"

func judgeSelector(names map[string]string, sel *ast.SelectorExpr, test bool, f floor) string {
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	name := sel.Sel.Name
	switch names[id.Name] {
	case "time":
		if f == pure && !test && slices.Contains(strings.Fields(clock), name) {
			return "time." + name + " in a pure package: time is an argument"
		}
		// Inside a synctest bubble sleeping is how time is moved; a harness
		// waits for processes it cannot be told about.
		if name == "Sleep" && f != suite && !slices.Contains(slices.Collect(maps.Values(names)), "testing/synctest") {
			return "time.Sleep: wait for the event itself, or use testing/synctest"
		}
	case "fmt":
		if f == pure && !test && strings.HasPrefix(name, "Print") {
			return "fmt." + name + " in a pure package: it returns values and writes nothing"
		}
	}
	return ""
}

// importNames maps the names by which a file knows its imports to their paths.
func importNames(s source) map[string]string {
	names := map[string]string{}
	for _, spec := range s.syntax.Imports {
		imp, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(imp)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imp
	}
	return names
}

func oursIn(s source) []string {
	var dirs []string
	for _, spec := range s.syntax.Imports {
		imp, _ := strconv.Unquote(spec.Path.Value)
		if dir, ok := strings.CutPrefix(imp, module+"/"); ok {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// depth is the length of the longest chain of imports from dir. Each folder's is
// found once: there are more chains than anybody can walk.
func depth(graph map[string][]string, dir string, known map[string]int) int {
	if n, ok := known[dir]; ok {
		return n
	}
	known[dir] = 0 // for a cycle, which is the compiler's affair
	longest := 0
	for _, next := range graph[dir] {
		longest = max(longest, depth(graph, next, known))
	}
	known[dir] = longest + 1
	return longest + 1
}
