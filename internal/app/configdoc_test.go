package app

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/configuration.md")

const (
	manual = "../../docs/configuration.md"
	from   = "<!-- keys: written by go test ./internal/app -run Manual -update -->\n"
	to     = "<!-- /keys -->\n"
)

func TestTheManualListsEveryKey(t *testing.T) {
	raw, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(raw), from)
	have, tail, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no marks for the tables", manual)
	}
	want := tables()
	if *update {
		if err := os.WriteFile(manual, []byte(head+from+want+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("%s is not what the configuration is; run go test ./internal/app -run Manual -update", manual)
	}
}

func TestEveryKeyHasASentence(t *testing.T) {
	var walk func(t reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		for f := range keysOf(typ) {
			at := join(path, f.Tag.Get("koanf"))
			if d := f.Tag.Get("doc"); d == "" || !strings.HasSuffix(d, ".") {
				t.Errorf("%s: %q is not a sentence", at, d)
			}
			if inner := structOf(f.Type); inner != nil {
				walk(inner, at)
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
}

// A kind can only take keys that there are.
func TestEveryKindTakesKeysThatThereAre(t *testing.T) {
	for _, k := range kinds {
		for _, key := range strings.Fields(k.takes) {
			if _, ok := fieldOf(reflect.TypeFor[Directory](), strings.ToLower(key)); !ok {
				t.Errorf("kind %s takes %s, which is no key", k.name, key)
			}
		}
	}
}

func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		return t
	}
	return nil
}

func tables() string {
	var b strings.Builder
	table(&b, "The server", reflect.TypeFor[Config](), "")
	return b.String()
}

// table writes one struct's keys, then those of the structs in it.
func table(b *strings.Builder, title string, t reflect.Type, path string) {
	directories := t == reflect.TypeFor[Directory]()
	fmt.Fprintf(b, "\n### %s\n\n", title)
	b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	var inner []reflect.StructField
	for f := range keysOf(t) {
		key := f.Tag.Get("koanf")
		meaning := strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(f.Tag.Get("doc"))
		if who := takenBy(key); directories && who != "" {
			meaning += " *" + who + "*"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", key, typeWord(f.Type), defaultWord(t, f), meaning)
		if structOf(f.Type) != nil {
			inner = append(inner, f)
		}
	}
	for _, f := range inner {
		at := join(path, f.Tag.Get("koanf"))
		if f.Type.Kind() == reflect.Slice {
			at += "[]"
		}
		table(b, "`"+at+"`", structOf(f.Type), at)
	}
}

func typeWord(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Slice && structOf(t) != nil:
		return "list of fields"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Int:
		return "list of numbers"
	case t.Kind() == reflect.Slice:
		return "list of texts"
	case t == reflect.TypeFor[Period](), t == reflect.TypeFor[*Period]():
		return "length of time"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "number"
	case t.Kind() == reflect.Struct:
		return "fields"
	}
	return "text"
}

func defaultWord(t reflect.Type, f reflect.StructField) string {
	if d, ok := f.Tag.Lookup("default"); ok {
		return "`" + d + "`"
	}
	required := []string{"organisation", "base_url", "data", "policy", "directories"}
	if t == reflect.TypeFor[Config]() && slices.Contains(required, f.Tag.Get("koanf")) {
		return "**required**"
	}
	return ""
}

// takenBy says which kinds of directory take a key, where not all do.
func takenBy(key string) string {
	var take, need []string
	for _, k := range kinds {
		words := strings.Fields(k.takes)
		switch {
		case slices.Contains(words, strings.ToUpper(key)):
			need = append(need, k.name)
		case slices.Contains(words, key):
			take = append(take, k.name)
		}
	}
	var out []string
	if len(need) > 0 {
		out = append(out, "required: "+strings.Join(need, ", "))
	}
	if len(take) > 0 && len(take) < len(kinds) {
		out = append(out, "for: "+strings.Join(take, ", "))
	}
	return strings.Join(out, "; ")
}
