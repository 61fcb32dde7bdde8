package local

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/store"
)

// groupRecord is the stored form of a group, version 1.
type groupRecord struct {
	V        int      `json:"v"`
	MemberOf []string `json:"member_of"`
}

// SetGroup says which groups a group is itself in, replacing what was said
// before. Groups that are in no other need not be set.
func (d *Directory) SetGroup(ctx context.Context, group string, memberOf ...string) error {
	const doing = "changing a group"
	for _, g := range append([]string{group}, memberOf...) {
		if g == "" || identity.CheckLine(g, maxField) != nil {
			return d.fault(doing, directory.ErrRefused, errors.New("a group needs a name of one line"))
		}
	}
	value, err := json.Marshal(groupRecord{V: 1, MemberOf: memberOf})
	if err != nil {
		return d.fault(doing, directory.ErrRefused, err)
	}
	it := store.Item{Shelf: shelfGroup, Key: d.groupKey(group), Owner: d.name, Value: value}
	return d.settle(doing, d.st.Change(ctx, store.ItemChange{Item: it, Expect: store.AnyVersion}))
}

func (d *Directory) groupKey(group string) string { return d.name + "/" + strings.ToLower(group) }

// groups adds every group that the direct ones are in, by any nesting.
func (d *Directory) groups(ctx context.Context, direct []string) ([]string, error) {
	const doing = "reading groups"
	if len(direct) == 0 {
		return nil, nil
	}
	items, err := d.st.Items(ctx, shelfGroup, d.name, d.now())
	if err != nil {
		return nil, d.fault(doing, directory.ErrUnreachable, err)
	}
	parents := map[string][]string{}
	for _, it := range items {
		var g groupRecord
		if json.Unmarshal(it.Value, &g) != nil || g.V != 1 {
			return nil, d.fault(doing, directory.ErrUnreachable, errors.New("a stored group is damaged"))
		}
		parents[it.Key] = g.MemberOf
	}
	seen := map[string]string{}
	for queue := slices.Clone(direct); len(queue) > 0; queue = queue[1:] {
		key := d.groupKey(queue[0])
		if _, ok := seen[key]; !ok {
			seen[key] = queue[0]
			queue = append(queue, parents[key]...)
		}
	}
	var all []string
	for _, name := range seen {
		all = append(all, name)
	}
	slices.Sort(all)
	return all, nil
}
