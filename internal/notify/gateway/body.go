package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"countersign/internal/identity"
)

// fields takes the fields of a body apart.
func (fs *Faults) fields(at string, fields []Field, slots []string, r *request) {
	r.tree = &node{}
	seen := map[string]bool{}
	for i, f := range fields {
		here := fmt.Sprintf("%sfields[%d]", at, i)
		e := entry{name: f.Name, typ: f.Type, value: fs.template(here+".value", f.Value, slots, r)}
		if f.Name == "" || identity.CheckLine(f.Name, maxName) != nil {
			fs.say(here+".name", "a field needs a name")
			continue
		}
		if seen[f.Name] {
			fs.say(here+".name", "this field stands here twice")
			continue
		}
		seen[f.Name] = true
		r.fields = append(r.fields, e)
		if err := e.checkType(r.body); err != nil {
			fs.say(here+".type", "%v", err)
		}
		if r.body == JSON {
			if err := r.tree.put(strings.Split(f.Name, "."), e); err != nil {
				fs.say(here+".name", "%v", err)
			}
		}
	}
}

var number = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?$`)

// checkType keeps to what cannot go wrong later: a number is written in the
// description or is the digits of a telephone number.
func (e entry) checkType(b Body) error {
	written := e.value.fill(values{}, plain)
	fixed := !slices.ContainsFunc(e.value, func(p piece) bool { return p.slot != "" })
	switch {
	case e.typ == "" || e.typ == "text" && b == JSON:
		return nil
	case b != JSON:
		return errors.New("only the values of a json body have a type")
	case e.typ == "number" && (fixed && number.MatchString(written) || len(e.value) == 1 && e.value.names("to_digits")):
		return nil
	case e.typ == "number":
		return errors.New("a number is written out, such as 3600, or is {to_digits} alone")
	case e.typ == "boolean" && fixed && (written == "true" || written == "false"):
		return nil
	case e.typ == "boolean":
		return errors.New("a boolean is true or false")
	}
	return fmt.Errorf("%q is not one of text, number, boolean", identity.Line(e.typ, 20))
}

// node is a part of a JSON body: exactly one of its members is set.
type node struct {
	members map[string]*node
	items   []*node
	leaf    *entry
}

const maxItems = 100

func (n *node) put(path []string, e entry) error {
	if len(path) == 0 {
		if n.members != nil || n.items != nil || n.leaf != nil {
			return errors.New("another field already fills this place")
		}
		n.leaf = &e
		return nil
	}
	next, err := n.step(path[0])
	if err != nil {
		return err
	}
	return next.put(path[1:], e)
}

// step is the child of that name, made when there is none. A number is a
// place in a list.
func (n *node) step(name string) (*node, error) {
	i, err := strconv.Atoi(name)
	isItem := err == nil && strconv.Itoa(i) == name && i >= 0
	switch {
	case name == "":
		return nil, errors.New("the path has an empty step")
	case n.leaf != nil, isItem && n.members != nil, !isItem && n.items != nil:
		return nil, errors.New("the step " + name + " does not fit the fields before it")
	case !isItem:
		if n.members == nil {
			n.members = map[string]*node{}
		}
		if n.members[name] == nil {
			n.members[name] = &node{}
		}
		return n.members[name], nil
	case i > len(n.items) || i >= maxItems:
		return nil, errors.New("lists are counted from 0, without gaps")
	case i == len(n.items):
		n.items = append(n.items, &node{})
	}
	return n.items[i], nil
}

func (n *node) value(v values) any {
	switch {
	case n.leaf != nil:
		return n.leaf.json(v)
	case n.items != nil:
		out := make([]any, len(n.items))
		for i, c := range n.items {
			out[i] = c.value(v)
		}
		return out
	}
	out := map[string]any{}
	for name, c := range n.members {
		out[name] = c.value(v)
	}
	return out
}

func (e entry) json(v values) any {
	text := e.value.fill(v, plain)
	switch e.typ {
	case "number":
		return json.Number(text)
	case "boolean":
		return text == "true"
	}
	return text
}

// encode writes the tree: values become JSON as values, never as text that is
// put between quotes.
func (n *node) encode(v values) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // nobody reads it as a page, and providers count characters
	if err := e.Encode(n.value(v)); err != nil {
		return nil, errors.New("the body cannot be written")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// encode writes fields as a form or a query has them.
func encode(fields []entry, v values) string {
	pairs := make([]string, len(fields))
	for i, f := range fields {
		pairs[i] = escape(f.name) + "=" + escape(f.value.fill(v, plain))
	}
	return strings.Join(pairs, "&")
}

// escape writes a space as %20, which forms and queries both read; some old
// gateways take the plus sign of forms for a plus sign.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
