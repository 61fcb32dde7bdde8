package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// form is what Seal and Open need to know about a body's struct type.
type form struct {
	names   []string // of all members
	private []string // of the members that are committed to
}

var marshaler = reflect.TypeFor[json.Marshaler]()

// formOf reads the struct tags of v's type.
func formOf(v any) (form, error) {
	t := reflect.TypeOf(v)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return form{}, errors.New("not a struct")
	}
	if t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
		return form{}, errors.New("a body may not encode itself, or its private fields could not be found")
	}
	var f form
	for i := range t.NumField() {
		if err := f.add(t.Field(i)); err != nil {
			return form{}, err
		}
	}
	return f, nil
}

func (f *form) add(field reflect.StructField) error {
	tag, private := field.Tag.Lookup("ledger")
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	hidden := !field.IsExported() || field.Tag.Get("json") == "-"
	switch {
	case private && tag != "private":
		return fmt.Errorf("field %s: the ledger tag %q is unknown", field.Name, tag)
	case private && (hidden || field.Anonymous):
		return fmt.Errorf("field %s: a private field must be an encoded field of its own", field.Name)
	case field.Anonymous:
		return fmt.Errorf("field %s: a body may not embed", field.Name)
	case hidden:
		return nil
	case hasPrivate(field.Type, map[reflect.Type]bool{}):
		return fmt.Errorf("field %s: private fields are allowed at the top level only", field.Name)
	}
	if name == "" {
		name = field.Name
	}
	f.names = append(f.names, name)
	if private {
		f.private = append(f.private, name)
	}
	return nil
}

// hasPrivate looks for ledger tags anywhere below t.
func hasPrivate(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hasPrivate(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			if _, tagged := field.Tag.Lookup("ledger"); tagged || hasPrivate(field.Type, seen) {
				return true
			}
		}
	}
	return false
}

// splitObject takes an object apart into its members.
func splitObject(raw json.RawMessage) (map[string]json.RawMessage, error) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(raw, &members)
	return members, err
}

// decodeStrictly fills dst from raw; members that dst does not know are an
// error.
func decodeStrictly(raw []byte, dst any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("text after the object")
	}
	return nil
}
