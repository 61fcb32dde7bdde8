package specimen

import (
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/yamltext"
)

// field is one fact, bound to where it is kept.
type field struct {
	names    []string // the second name, if any, is for the same fact said otherwise
	required bool
	dflt     func() // makes the fact what it is when nobody says
	read     func(r *yamltext.Reader, v *yaml.Node, path string)
	text     func() string  // "name: value"
	parts    func() []field // of a group of facts that is there; nil otherwise
}

func required(f field) field {
	f.required = true
	return f
}

// readFields takes the facts that n says and gives the others their defaults,
// in the order of the table.
func readFields(r *yamltext.Reader, n *yaml.Node, path string, table []field) {
	said := map[string]*yaml.Node{}
	want := yamltext.Fields{}
	for _, f := range table {
		for _, name := range f.names {
			want[name] = func(v *yaml.Node, _ string) { said[name] = v }
		}
	}
	r.Mapping(n, path, want)
	for _, f := range table {
		f.dflt()
		found := false
		for _, name := range f.names {
			v := said[name]
			if v == nil {
				continue
			}
			if found {
				r.Fault(v, yamltext.Below(path, name), "`%s` and `%s` say the same fact twice; keep one", f.names[0], name)
				continue
			}
			found = true
			f.read(r, v, yamltext.Below(path, name))
		}
		if f.required && !found && n.Kind == yaml.MappingNode {
			r.Fault(n, path, "the field `%s` is missing", strings.Join(f.names, "` or `"))
		}
	}
}

// differences writes the facts that are not what they would be if nobody said
// them, each beside the others as they are.
func differences[T any](of *T, table func(*T) []field) []string {
	scratch := *of
	have, plain := table(of), table(&scratch)
	parts := []string{}
	for i := range have {
		plain[i].dflt()
		if t := have[i].text(); have[i].required || t != plain[i].text() {
			parts = append(parts, t)
		}
		scratch = *of
	}
	return parts
}

// changes writes the facts of b that are not what they are in a, each beside
// its name from the outermost group inwards.
func changes(within string, a, b []field) []string {
	var parts []string
	for i := range b {
		switch {
		case a[i].text() == b[i].text():
		case a[i].below() != nil && b[i].below() != nil:
			parts = append(parts, changes(within+b[i].names[0]+".", a[i].below(), b[i].below())...)
		default:
			parts = append(parts, within+b[i].text())
		}
	}
	return parts
}

func (f field) below() []field {
	if f.parts == nil {
		return nil
	}
	return f.parts()
}

func object[T any](name string, of *T, table func(*T) []field) field {
	return field{
		names: []string{name},
		dflt: func() {
			var empty T
			*of = empty
			for _, f := range table(of) {
				f.dflt()
			}
		},
		read:  func(r *yamltext.Reader, v *yaml.Node, path string) { readFields(r, v, path, table(of)) },
		text:  func() string { return name + ": " + inBraces(differences(of, table)) },
		parts: func() []field { return table(of) },
	}
}

// pointer is a group of facts that is absent as a whole unless it is said.
func pointer[T any](name string, of **T, table func(*T) []field) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = nil },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			if !absent(v) {
				*of = new(T)
				readFields(r, v, path, table(*of))
			}
		},
		text: func() string {
			if *of == nil {
				return name + ": none"
			}
			return name + ": " + inBraces(differences(*of, table))
		},
		parts: func() []field {
			if *of == nil {
				return nil
			}
			return table(*of)
		},
	}
}

// list is a list of groups of facts; unless it is said it has this many, each
// of them ordinary.
func list[T any](name string, of *[]T, ordinary int, table func(i int, e *T) []field) field {
	at := func(i int) func(*T) []field { return func(e *T) []field { return table(i, e) } }
	return field{
		names: []string{name},
		dflt: func() {
			all := make([]T, ordinary)
			for i := range all {
				for _, f := range table(i, &all[i]) {
					f.dflt()
				}
			}
			*of = all
		},
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			all := []T{}
			r.List(v, path, func(v *yaml.Node, path string) {
				var e T
				readFields(r, v, path, table(len(all), &e))
				all = append(all, e)
			})
			*of = all
		},
		text: func() string {
			entries := make([]string, len(*of))
			for i := range entries {
				entries[i] = inBraces(differences(&(*of)[i], at(i)))
			}
			return name + ": [" + strings.Join(entries, ", ") + "]"
		},
	}
}

const day = 24 * time.Hour

// The directions in which spans count from the request.
const (
	back  = -1
	ahead = 1
)

// moment reads a span from *from or a time. It is written as a span under its
// first name when it is whole seconds and at most a hundred years away, and
// otherwise as a time under its second.
func moment(span, exact string, of, from *time.Time, direction int64, away time.Duration) field {
	names := []string{span, exact}
	if span == exact {
		names = names[:1]
	}
	return field{
		names: names,
		dflt:  func() { *of = from.Add(time.Duration(direction) * away) },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			if t, ok := readMoment(r, v, path, *from, direction); ok {
				*of = t
			}
		},
		text: func() string {
			d := time.Duration(direction) * of.Sub(*from)
			if d%time.Second != 0 || d.Abs() > yamltext.MaxSpan*time.Second {
				return exact + ": " + timeText(*of)
			}
			return span + ": " + yamltext.Span(int64(d/time.Second))
		},
	}
}

// instant is a time that no other time is near to.
func instant(name string, of *time.Time, ordinary time.Time) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = ordinary },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			t, ok := readTime(v)
			if *of = t; !ok {
				r.Fault(v, path, "`%s` is not a time; write it like 2026-03-02T12:00:00Z", yamltext.Clip(v.Value))
			}
		},
		text: func() string { return name + ": " + timeText(*of) },
	}
}

func readTime(v *yaml.Node) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, v.Value)
	return t.UTC(), err == nil && v.Kind == yaml.ScalarNode
}

func optionalMoment(name string, of **time.Time, from *time.Time, direction int64) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = nil },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			if absent(v) {
				*of = nil
			} else if t, ok := readMoment(r, v, path, *from, direction); ok {
				*of = &t
			}
		},
		text: func() string {
			if *of == nil {
				return name + ": none"
			}
			return moment(name, name, *of, from, direction, 0).text()
		},
	}
}

func readMoment(r *yamltext.Reader, v *yaml.Node, path string, from time.Time, direction int64) (time.Time, bool) {
	if t, ok := readTime(v); ok {
		return t, true
	}
	seconds, ok := readSpan(r, v, path)
	return from.Add(time.Duration(direction*seconds) * time.Second), ok
}

func readSpan(r *yamltext.Reader, v *yaml.Node, path string) (int64, bool) {
	switch {
	case v.Kind == yaml.ScalarNode && v.ShortTag() == "!!int":
		n := yamltext.Clip(v.Value)
		r.Fault(v, path, "a span of time needs a unit: write %sm, %sh or %sd", n, n, n)
		return 0, false
	case v.Kind == yaml.ScalarNode && (v.ShortTag() == "!!timestamp" || strings.Count(v.Value, ":") > 1):
		r.Fault(v, path, "`%s` is not a time; write it like 2026-03-02T12:00:00Z", yamltext.Clip(v.Value))
		return 0, false
	}
	s, ok := r.AnyText(v, path)
	if !ok {
		return 0, false
	}
	seconds, err := yamltext.ParseSpan(s)
	if err != nil {
		r.Fault(v, path, "%v", err)
	}
	return seconds, err == nil
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// offset is a zone's distance from UTC, in seconds east.
func offset(name string, of **int) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = nil },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			if absent(v) {
				*of = nil
			} else if seconds, ok := readSpan(r, v, path); ok {
				east := int(seconds)
				*of = &east
			}
		},
		text: func() string {
			if *of == nil {
				return name + ": none"
			}
			return name + ": " + yamltext.Span(int64(**of))
		},
	}
}

func boolean(name string, of *bool) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = false },
		read:  func(r *yamltext.Reader, v *yaml.Node, path string) { *of = r.Bool(v, path) },
		text:  func() string { return name + ": " + strconv.FormatBool(*of) },
	}
}

// maybe is a yes or no that need not be known.
func maybe(name string, of **bool, ordinary *bool) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = ordinary },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			if absent(v) {
				*of = nil
				return
			}
			b := r.Bool(v, path)
			*of = &b
		},
		text: func() string {
			if *of == nil {
				return name + ": unknown"
			}
			return name + ": " + strconv.FormatBool(**of)
		},
	}
}
