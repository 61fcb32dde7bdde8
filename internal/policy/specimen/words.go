package specimen

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/yamltext"
)

// absent reports whether the value takes an optional fact away.
func absent(v *yaml.Node) bool { return yamltext.Says(v, "none", "unknown") }

func fixed[S ~string](s S) func() S { return func() S { return s } }

// text is a fact that is always there, though it may be the empty text.
func text[S ~string](name string, of *S, ordinary func() S) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = ordinary() },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			if absent(v) {
				r.Fault(v, path, "this fact is always there; leave the field out, or quote it if its text is %q", v.Value)
				return
			}
			if s, ok := r.AnyText(v, path); ok {
				*of = S(s)
			}
		},
		text: func() string { return name + ": " + quoted(*of) },
	}
}

// optional is a fact that is absent when its text is empty.
func optional[S ~string](name string, of *S, ordinary S) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = ordinary },
		read:  readOptional(of),
		text:  func() string { return name + ": " + orNone(*of) },
	}
}

func readOptional[S ~string](of *S) func(*yamltext.Reader, *yaml.Node, string) {
	return func(r *yamltext.Reader, v *yaml.Node, path string) {
		if absent(v) {
			*of = ""
		} else if s, ok := r.AnyText(v, path); ok {
			*of = S(s)
		}
	}
}

func orNone[S ~string](s S) string {
	if s == "" {
		return "none"
	}
	return quoted(s)
}

// word is a fact that is one of a few words; in quotes it may be any text.
func word[S ~string](name string, of *S, ordinary S, known []S) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = ordinary },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			if s, ok := readWord(r, v, path, asTexts(known)); ok {
				*of = S(s)
			}
		},
		text: func() string { return name + ": " + wordText(string(*of), asTexts(known)) },
	}
}

// words is a list of such words.
func words(name string, of *[]string, ordinary, known []string) field {
	return field{
		names: []string{name},
		dflt:  func() { *of = append([]string{}, ordinary...) },
		read: func(r *yamltext.Reader, v *yaml.Node, path string) {
			all := []string{}
			r.List(v, path, func(v *yaml.Node, path string) {
				if s, ok := readWord(r, v, path, known); ok {
					all = append(all, s)
				}
			})
			*of = all
		},
		text: func() string {
			entries := make([]string, len(*of))
			for i, s := range *of {
				entries[i] = wordText(s, known)
			}
			return name + ": [" + strings.Join(entries, ", ") + "]"
		},
	}
}

// texts is a list of any texts.
func texts(name string, of *[]string) field {
	f := words(name, of, nil, nil)
	f.read = func(r *yamltext.Reader, v *yaml.Node, path string) {
		all := []string{}
		r.List(v, path, func(v *yaml.Node, path string) {
			if s, ok := r.AnyText(v, path); ok {
				all = append(all, s)
			}
		})
		*of = all
	}
	f.text = func() string {
		entries := make([]string, len(*of))
		for i, s := range *of {
			entries[i] = quoted(s)
		}
		return name + ": [" + strings.Join(entries, ", ") + "]"
	}
	return f
}

func readWord(r *yamltext.Reader, v *yaml.Node, path string, known []string) (string, bool) {
	if v.Kind == yaml.ScalarNode && v.Style&yamltext.Quoted != 0 {
		return v.Value, true
	}
	s := r.Word(v, path, known)
	return s, s != ""
}

func wordText(s string, known []string) string {
	if slices.Contains(known, s) {
		return s
	}
	return inQuotes(s)
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9 ._/@+-]*[A-Za-z0-9_/@+.-])?$`)
	// lookalikes are texts that YAML, or a reader of YAML, takes for something
	// else.
	lookalikes = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "unknown"}
)

// quoted writes a text so that it comes back as the same text. What Go's quotes
// escape (control, invisible and direction-changing characters among them) is
// escaped the same way in YAML's.
func quoted[S ~string](s S) string {
	if plainText.MatchString(string(s)) && yamltext.Plain(string(s)) && !slices.Contains(lookalikes, strings.ToLower(string(s))) {
		return string(s)
	}
	return inQuotes(string(s))
}

// inQuotes escapes more than Go's quotes do where the text would not be plain
// to see.
func inQuotes(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if q := strconv.Quote(s); yamltext.Plain(q) {
		return q
	}
	return strings.ReplaceAll(strconv.QuoteToASCII(s), "  ", `\x20\x20`)
}
