package app

import (
	"iter"
	"reflect"
	"strings"
)

// The configuration describes itself by its struct tags: names, defaults and
// the sentences of docs/configuration.md.

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// keysOf yields the fields of a struct that are keys.
func keysOf(t reflect.Type) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.Tag.Get("koanf") != "" && !yield(f) {
				return
			}
		}
	}
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for f := range keysOf(t) {
		if f.Tag.Get("koanf") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func namesOf(t reflect.Type) []string {
	var names []string
	for f := range keysOf(t) {
		names = append(names, f.Tag.Get("koanf"))
	}
	return names
}

// leaves yields the single values outside of lists.
func leaves(t reflect.Type, path string) iter.Seq2[string, reflect.Type] {
	return func(yield func(string, reflect.Type) bool) {
		for f := range keysOf(t) {
			at := join(path, f.Tag.Get("koanf"))
			switch f.Type.Kind() {
			case reflect.Slice:
			case reflect.Struct:
				for p, leaf := range leaves(f.Type, at) {
					if !yield(p, leaf) {
						return
					}
				}
			default:
				if !yield(at, f.Type) {
					return
				}
			}
		}
	}
}

// defaultsOf are the defaults in the tags of v's type.
func defaultsOf(v any) map[string]any {
	out, t := map[string]any{}, reflect.TypeOf(v)
	for path, leaf := range leaves(t, "") {
		f := t
		var tag reflect.StructTag
		for _, name := range strings.Split(path, ".") {
			field, _ := fieldOf(f, name)
			f, tag = field.Type, field.Tag
		}
		if text, ok := tag.Lookup("default"); ok {
			if v, err := scalar(text, "", leaf); err == nil {
				put(out, strings.Split(path, "."), v)
			}
		}
	}
	return out
}
