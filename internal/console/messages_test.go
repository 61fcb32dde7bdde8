package console

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template/parse"

	"countersign/internal/proof"
)

// `go test -run TestTheTexts -update .` writes messages/en.json anew, and in
// the other languages drops what is not said any more and adds what is new,
// with nothing for its translation.
var update = flag.Bool("update", false, "write messages/*.json anew")

// texts are what the pages say: the form for many by itself, with the form for
// one; "" where there is no such form.
type texts struct {
	t    testing.TB
	said map[string]string
}

func (x texts) add(one, other string) {
	if was, ok := x.said[other]; ok && was != one {
		x.t.Errorf("%q has two forms for one: %q and %q", other, was, one)
	}
	if other != "" && other != "%s" {
		x.said[other] = one
	}
}

// allTexts finds them in the templates, the code and the scripts.
func allTexts(t testing.TB) map[string]string {
	x := texts{t, map[string]string{}}
	for _, name := range glob(t, "*.html") {
		x.template(name)
	}
	for _, name := range glob(t, "*.go") {
		if !strings.HasSuffix(name, "_test.go") {
			x.code(name)
		}
	}
	for _, name := range glob(t, "assets/*.js") {
		for _, m := range scripted.FindAllSubmatch(read(t, name), -1) {
			x.add("", string(m[1]))
		}
	}
	for _, s := range proof.Specs {
		x.add("", suits(s.Method))
	}
	return x.said
}

func glob(t testing.TB, pattern string) []string {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %v", pattern, names, err)
	}
	return names
}

func read(t testing.TB, name string) []byte {
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// template finds {{t "…"}}, {{rich "…"}}, {{msg "…"}} and {{n .N "…" "…"}}.
func (x texts) template(name string) {
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(string(read(x.t, name)), "", "", trees); err != nil {
		x.t.Fatal(err)
	}
	for _, found := range trees {
		x.node(found.Root)
	}
}

func (x texts) node(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				x.node(child)
			}
		}
	case *parse.ActionNode:
		x.pipe(n.Pipe)
	case *parse.TemplateNode:
		x.pipe(n.Pipe)
	case *parse.IfNode:
		x.branch(n.BranchNode)
	case *parse.WithNode:
		x.branch(n.BranchNode)
	case *parse.RangeNode:
		x.branch(n.BranchNode)
	}
}

func (x texts) branch(n parse.BranchNode) {
	x.pipe(n.Pipe)
	x.node(n.List)
	x.node(n.ElseList)
}

func (x texts) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		x.command(c)
		for _, arg := range c.Args {
			if inner, ok := arg.(*parse.PipeNode); ok {
				x.pipe(inner)
			}
		}
	}
}

func (x texts) command(c *parse.CommandNode) {
	function, ok := c.Args[0].(*parse.IdentifierNode)
	if !ok || len(c.Args) < 2 {
		return
	}
	switch function.Ident {
	case "t", "rich", "msg":
		for _, s := range quoted(c.Args[1]) {
			x.add("", s)
		}
	case "n":
		one, other := quoted(c.Args[2]), quoted(c.Args[3])
		if len(one) != 1 || len(other) != 1 {
			x.t.Fatalf("%s: its forms have to stand there in full", c)
		}
		x.add(one[0], other[0])
	}
}

// quoted is a text, or the texts of {{t (or .X "text")}}.
func quoted(n parse.Node) []string {
	switch n := n.(type) {
	case *parse.StringNode:
		return []string{n.Text}
	case *parse.PipeNode:
		var out []string
		for _, arg := range n.Cmds[0].Args[1:] {
			if f, ok := n.Cmds[0].Args[0].(*parse.IdentifierNode); ok && f.Ident == "or" {
				out = append(out, quoted(arg)...)
			}
		}
		return out
	}
	return nil
}

// code finds msg("…"), many(n, "…", "…"), t.say("…"), the values of tables
// whose name ends in Words, and what stands in the structs that pages say.
func (x texts) code(name string) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		x.t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			x.call(n)
		case *ast.ValueSpec:
			x.table(n)
		case *ast.CompositeLit:
			x.composite(n)
		case *ast.AssignStmt:
			x.assigned(n)
		}
		return true
	})
}

func (x texts) call(c *ast.CallExpr) {
	name := ""
	switch f := c.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	switch {
	case (name == "msg" || name == "say") && len(c.Args) > 0:
		if s, ok := literal(c.Args[0]); ok {
			x.add("", s)
		}
	case name == "many" && len(c.Args) > 2:
		one, ok1 := literal(c.Args[1])
		other, ok2 := literal(c.Args[2])
		if ok1 && ok2 {
			x.add(one, other)
		}
	}
}

func (x texts) table(v *ast.ValueSpec) {
	of, typed := v.Type.(*ast.Ident)
	for i, name := range v.Names {
		if i < len(v.Values) && (strings.HasSuffix(name.Name, "Words") || typed && of.Name == "group") {
			x.values(v.Values[i])
		}
	}
}

// values are the texts in an expression, besides the keys of maps.
func (x texts) values(e ast.Expr) {
	ast.Inspect(e, func(n ast.Node) bool {
		if pair, ok := n.(*ast.KeyValueExpr); ok {
			x.values(pair.Value)
			return false
		}
		if e, ok := n.(ast.Expr); ok {
			if s, ok := literal(e); ok {
				x.add("", s)
				return false
			}
		}
		return true
	})
}

// fields are what pages say of a struct; by place where that is how it is
// written.
var fields = map[string][]string{
	"trouble": {"", "Title", "Text"},
	"entry":   {"", "", "Label"},
	"signing": {"NoteLabel", "BackText", "OtherText", "Without"},
}

// assigned are the fields that are filled in afterwards.
func (x texts) assigned(a *ast.AssignStmt) {
	for i, left := range a.Lhs {
		field, ok := left.(*ast.SelectorExpr)
		if !ok || i >= len(a.Rhs) || !slices.ContainsFunc(slices.Collect(maps.Values(fields)), func(names []string) bool { return slices.Contains(names, field.Sel.Name) }) {
			continue
		}
		if s, ok := literal(a.Rhs[i]); ok {
			x.add("", s)
		}
	}
}

func (x texts) composite(c *ast.CompositeLit) {
	elements := []*ast.CompositeLit{c}
	of, ok := c.Type.(*ast.Ident)
	if list, is := c.Type.(*ast.ArrayType); is {
		if of, ok = list.Elt.(*ast.Ident); ok {
			elements = nil
			for _, e := range c.Elts {
				if inner, is := e.(*ast.CompositeLit); is {
					elements = append(elements, inner)
				}
			}
		}
	}
	if !ok || fields[of.Name] == nil {
		return
	}
	for _, element := range elements {
		for i, e := range element.Elts {
			field := ""
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				field, e = pair.Key.(*ast.Ident).Name, pair.Value
			} else if i < len(fields[of.Name]) {
				field = fields[of.Name][i]
			}
			if s, ok := literal(e); ok && field != "" && slices.Contains(fields[of.Name], field) {
				x.add("", s)
			}
		}
	}
}

// literal is a string as it stands in the code, in one piece or several.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, ok1 := literal(e.X)
		b, ok2 := literal(e.Y)
		return a + b, ok1 && ok2
	}
	return "", false
}

// written is a file of messages.
func written(said map[string]text) []byte {
	out := map[string]any{}
	for key, s := range said {
		out[key] = s.other
		if s.one != "" {
			out[key] = map[string]string{"one": s.one, "other": s.other}
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(out); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const again = "`cd internal/console && go test -run TestTheTexts -update .`"

func TestTheTexts(t *testing.T) {
	t.Run("are listed", textsAreListed)
	t.Run("are translated", textsAreTranslated)
}

func textsAreListed(t *testing.T) {
	all := map[string]text{}
	for other, one := range allTexts(t) {
		all[other] = text{one, other}
	}
	if *update {
		if err := os.WriteFile("messages/en.json", written(all), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, "messages/en.json"), written(all)) {
		t.Errorf("messages/en.json is stale: run %s", again)
	}
}

func textsAreTranslated(t *testing.T) {
	all := allTexts(t)
	for _, tongue := range tongues[1:] {
		name := "messages/" + tongue.Tag() + ".json"
		have := map[string]text{}
		if err := json.Unmarshal(read(t, name), &have); err != nil {
			t.Fatal(err)
		}
		if *update {
			maps.DeleteFunc(have, func(key string, _ text) bool { _, said := all[key]; return !said })
			for other := range all {
				have[other] = have[other] // "" where it is new
			}
			if err := os.WriteFile(name, written(have), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for other, one := range all {
			checkTranslation(t, name, text{one, other}, have[other])
		}
		for key := range have {
			if _, said := all[key]; !said {
				t.Errorf("%s: nobody says %q any more: run %s", name, key, again)
			}
		}
	}
}

func checkTranslation(t *testing.T, name string, english, foreign text) {
	t.Helper()
	switch {
	case foreign.other == "":
		t.Errorf("%s: not translated: %q", name, english.other)
		return
	case (english.one == "") != (foreign.one == ""):
		t.Errorf("%s: %q has one form where the other has two", name, english.other)
	}
	for _, form := range []string{foreign.one, foreign.other} {
		if form == "" {
			continue
		}
		want, got := verbs(english.other), verbs(form)
		if form == foreign.one { // "once" needs no number
			want, got = uncounted(want), uncounted(got)
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: %q takes %v, and %q takes %v", name, english.other, want, form, got)
		}
		if want, got := markup(english.other), markup(form); !slices.Equal(want, got) {
			t.Errorf("%s: %q is marked up with %v, and %q with %v", name, english.other, want, form, got)
		}
	}
}

var (
	verb   = regexp.MustCompile(`%(?:\[(\d+)\])?([a-zA-Z%])`)
	marked = regexp.MustCompile(`</?[a-z][^>]*>`)
)

// verbs are what a text takes, argument by argument.
func verbs(s string) []string {
	var out []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(s, -1) {
		if m[2] == "%" {
			continue
		}
		if n, err := strconv.Atoi(m[1]); err == nil {
			next = n
		}
		out = append(out, fmt.Sprintf("%d%s", next, m[2]))
		next++
	}
	slices.Sort(out)
	return out
}

func uncounted(verbs []string) []string {
	return slices.DeleteFunc(verbs, func(v string) bool { return v == "1d" })
}

func markup(s string) []string {
	found := marked.FindAllString(s, -1)
	slices.Sort(found)
	return found
}

// madeUp are texts that only tests say.
var madeUp = []string{"%d/%d: %d", "one step", "%d steps"}

// What the pages said while the tests ran has to be on the list as well: a
// text that was put together, or stands where the list does not look, shows
// here.
func TestMain(m *testing.M) {
	flag.Parse()
	var mu sync.Mutex
	unlisted := map[string]bool{}
	hear := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		unlisted[s] = !slices.Contains(madeUp, s)
	}
	raw, err := fs.ReadFile(messageFiles, "messages/en.json")
	if err == nil {
		err = json.Unmarshal(raw, &english.texts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, t := range tongues {
		t.missing = hear
	}
	code := m.Run()
	maps.DeleteFunc(unlisted, func(_ string, is bool) bool { return !is })
	for _, s := range slices.Sorted(maps.Keys(unlisted)) {
		fmt.Fprintf(os.Stderr, "a page said %q, which is not in messages/en.json\n", s)
	}
	if code == 0 && len(unlisted) > 0 && !*update {
		code = 1
	}
	os.Exit(code)
}
