package client_test

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/client"
	"countersign/internal/gate"
)

// The client has forms of its own. They hold every member that the server
// sends, and no other.
func TestTheClientKnowsEveryMemberThatTheServerSends(t *testing.T) {
	for _, pair := range [][2]any{
		{gate.View{}, client.Request{}}, {gate.Summary{}, client.Summary{}}, {gate.Moment{}, client.Moment{}},
		{gate.Paper{}, client.Paper{}}, {gate.CaseView{}, client.Case{}}, {gate.Prompt{}, client.Prompt{}},
		{gate.Secrets{}, client.Secrets{}}, {gate.RosterView{}, client.Roster{}}, {gate.Factor{}, client.Factor{}},
		{gate.Simulation{}, client.Simulation{}}, {gate.SignalReport{}, client.Signal{}}, {gate.LocationReport{}, client.Location{}},
		{gate.DeviceReport{}, client.Device{}}, {gate.Security{}, client.Security{}}, {gate.Added{}, client.Added{}},
		{gate.Attesting{}, client.Attesting{}}, {gate.LedgerHead{}, client.LedgerHead{}}, {gate.EntryPage{}, client.EntryPage{}},
		{gate.EntryView{}, client.Entry{}}, {gate.Findings{}, client.Findings{}}, {gate.Consistency{}, client.Consistency{}},
	} {
		server, ours := reflect.TypeOf(pair[0]), reflect.TypeOf(pair[1])
		a, b := slices.Sorted(maps.Keys(members(server, ""))), slices.Sorted(maps.Keys(members(ours, "")))
		if !slices.Equal(a, b) {
			t.Errorf("%s has %v\n%s has %v", server, a, ours, b)
		}
	}
}

// members are the names in a type's JSON, with those of the structs in it.
func members(t reflect.Type, path string) map[string]bool {
	all := map[string]bool{}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t != reflect.TypeFor[json.RawMessage]() {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return all
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "reasons" { // shown as it came
			all[path+name] = true
			continue
		}
		all[path+name] = true
		maps.Copy(all, members(t.Field(i).Type, path+name+"."))
	}
	return all
}
