package app

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
)

// Problem is one fault of a configuration: where it is and the way out.
type Problem struct {
	File   string `json:"file,omitempty"` // or the environment variable
	Line   int    `json:"line,omitempty"` // from 1; 0 when there is no place to point at
	Column int    `json:"column,omitempty"`
	Path   string `json:"path,omitempty"` // directories[0].url
	Msg    string `json:"message"`
}

func (p Problem) String() string {
	where := p.File + ": "
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	}
	if p.Path != "" {
		where += p.Path + ": "
	}
	return where + p.Msg
}

// Problems are all faults of a configuration, in the order of their place.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(ps)
}

// spot is where a value came from.
type spot struct {
	file         string
	line, column int
}

// reader turns text into values of the right kinds and remembers where each
// stood.
type reader struct {
	file     string
	spots    map[string]spot
	problems Problems
	warnings []string
}

// fail records a fault at the nearest place that is known for path.
func (r *reader) fail(path, format string, args ...any) {
	at := path
	s, ok := r.spots[at]
	for !ok && at != "" {
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
		s, ok = r.spots[at]
	}
	if !ok {
		s = spot{file: r.file}
	}
	r.problems = append(r.problems, Problem{s.file, s.line, s.column, path, fmt.Sprintf(format, args...)})
}

func (r *reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// readYAML reads the one document of the file.
func (r *reader) readYAML(text []byte) map[string]any {
	var doc, more yaml.Node
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	err := d.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && !errors.Is(d.Decode(&more), io.EOF) {
		err = errors.New("there is more than one document in the file")
	}
	if err != nil {
		r.fail("", "this is not YAML: %s", identity.Line(strings.TrimPrefix(err.Error(), "yaml: "), 300))
		return nil
	}
	out, _ := r.value(doc.Content[0], reflect.TypeFor[Config](), "").(map[string]any)
	return out
}

// value reads a node as a Go type of the configuration.
func (r *reader) value(n *yaml.Node, t reflect.Type, path string) any {
	r.spots[path] = spot{r.file, n.Line, n.Column}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		r.fail(path, "anchors and aliases are not read here; write the value out")
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Struct:
		return r.fields(n, t, path)
	case t.Kind() == reflect.Slice:
		return r.list(n, t, path)
	case n.Kind != yaml.ScalarNode:
		r.fail(path, "%s is expected here", wordFor(t))
		return nil
	}
	v, err := scalar(n.Value, n.ShortTag(), t)
	if err != nil {
		r.fail(path, "%v", err)
	}
	return v
}

func (r *reader) list(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.SequenceNode {
		r.fail(path, "a list is expected here")
		return nil
	}
	out := make([]any, len(n.Content))
	for i, e := range n.Content {
		out[i] = r.value(e, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
	return out
}

func (r *reader) fields(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.MappingNode {
		r.fail(path, "fields are expected here, such as %s", strings.Join(namesOf(t)[:2], ": … and ")+": …")
		return nil
	}
	out := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		at := join(path, identity.Line(key.Value, 60))
		r.spots[at] = spot{r.file, key.Line, key.Column}
		f, ok := fieldOf(t, key.Value)
		_, twice := out[key.Value]
		switch {
		case twice:
			r.fail(at, "this key stands here twice")
		case ok:
			out[key.Value] = r.value(v, f.Type, at)
		case key.Value == "password" || key.Value == "secret":
			r.fail(at, "a secret never stands in this file: put it into a file of its own and name it as password_file")
		default:
			r.fail(at, "there is no such key; %s", suggest(key.Value, namesOf(t)))
		}
	}
	if t == reflect.TypeFor[Directory]() {
		withDefaults(out, defaultsOf(Directory{}))
	}
	return out
}

// withDefaults fills in what an element of a list does not say: koanf merges
// maps, not lists.
func withDefaults(m, defaults map[string]any) {
	for k, v := range defaults {
		if _, ok := m[k]; !ok {
			m[k] = v
		}
	}
}

func suggest(word string, known []string) string {
	if n := identity.Nearest(word, known); n != "" {
		return "did you mean " + n + "?"
	}
	return "there are: " + strings.Join(known, ", ")
}

func wordFor(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Period]():
		return "a length of time such as 10s"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Struct:
		return "fields"
	}
	return "text"
}

// scalar reads one word of the file or the environment (whose tag is "").
func scalar(text, tag string, t reflect.Type) (any, error) {
	wrong := fmt.Errorf("%s is expected here", wordFor(t))
	switch {
	case tag == "!!null":
		return nil, wrong
	case t == reflect.TypeFor[Period]():
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return nil, wrong
		}
		return Period(d), nil
	case t.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return nil, wrong
		}
		return text == "true", nil
	case t.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, wrong
		}
		return n, nil
	case tag == "!!bool":
		return nil, fmt.Errorf("text is expected here; put quotes around %s if you mean the word", text)
	}
	return text, nil
}

// reserved are variables that are not of the server's configuration.
var reserved = []string{"COUNTERSIGN_CONFIG", "COUNTERSIGN_SERVER", "COUNTERSIGN_TOKEN", "COUNTERSIGN_PASSPHRASE"}

// readEnviron reads variables like COUNTERSIGN_MAIL_HOST. An unknown one is
// only warned about: orchestrators set variables of their own that begin with
// a service's name.
func (r *reader) readEnviron(environ []string) map[string]any {
	known := map[string]reflect.Type{}
	paths := map[string]string{}
	for path, t := range leaves(reflect.TypeFor[Config](), "") {
		name := variable(path)
		known[name], paths[name] = t, path
	}
	out := map[string]any{}
	for _, e := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "COUNTERSIGN_") || slices.Contains(reserved, name) || strings.HasSuffix(name, "_PASSWORD") || name == secretOIDC {
			continue
		}
		t, ok := known[name]
		if !ok {
			r.warn("the environment variable %s means nothing here", identity.Line(name, 100))
			continue
		}
		path := paths[name]
		r.spots[path] = spot{file: "environment variable " + name}
		v, err := scalar(text, "", t)
		if err != nil {
			r.fail(path, "%v", err)
		}
		put(out, strings.Split(path, "."), v)
	}
	return out
}

// variable is the environment variable that replaces a value.
func variable(path string) string {
	return "COUNTERSIGN_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

func put(m map[string]any, path []string, v any) {
	for _, p := range path[:len(path)-1] {
		next, ok := m[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[p] = next
		}
		m = next
	}
	m[path[len(path)-1]] = v
}
