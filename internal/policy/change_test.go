package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/identity"
)

func TestAPolicySaysWhatItEasesAndWhatItLivesWith(t *testing.T) {
	p := mustLoad(t, "testdata/circumstances.yaml")
	e, ok := p.Eases()
	want := Eases{
		Since: "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Because: "unlocks went to the manager for nothing",
		What: []Eased{{identity.Standard, identity.Unlock}, {"", identity.SessionRevocation}}, Line: 6,
	}
	if diff := cmp.Diff(want, e); !ok || diff != "" {
		t.Error(ok, diff)
	}
	accepted := []Accepted{
		{"one-proof", "base", "the app is on managed phones only", 10},
		{"no-review", "", "reviews begin next quarter", 11},
	}
	if diff := cmp.Diff(accepted, p.Accepted()); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		class  identity.Class
		action identity.Action
		want   bool
	}{
		{identity.Standard, identity.Unlock, true},
		{identity.Executive, identity.Unlock, false},
		{identity.Executive, identity.SessionRevocation, true},
		{identity.Standard, identity.PasswordReset, false},
	} {
		if e.Covers(c.class, c.action) != c.want {
			t.Errorf("%s/%s", c.class, c.action)
		}
	}
	if _, ok := mustLoad(t, "testdata/corners.yaml").Eases(); ok {
		t.Error("a policy eases what it does not say")
	}
}

func TestClocksAreTheDesksElseThePolicys(t *testing.T) {
	p := mustLoad(t, "testdata/circumstances.yaml")
	for desk, want := range map[string]string{"day": "Asia/Tokyo", "nightline": "Europe/Berlin", "": "Europe/Berlin", "nowhere": "Europe/Berlin"} {
		if got := p.Zone(desk); got != want {
			t.Errorf("%q has %s", desk, got)
		}
	}
	if got := mustLoad(t, "testdata/corners.yaml").Zone("odd"); got != "" {
		t.Errorf("a zone from nowhere: %s", got)
	}
}

func TestFaultsOfTheRestHaveTheirPlaceAndTheWayOut(t *testing.T) {
	hash := "sha256:" + strings.Repeat("A", 43)
	for _, c := range []struct{ src, want string }{
		{"zone: CET+1\n", "4:7: zone: \"CET+1\" is not the name of a time zone; write it like Asia/Tokyo"},
		{"zone: Local\n", "is not the name of a time zone"},
		{"zone: ../../etc/passwd\n", "is not the name of a time zone"},
		{"desks: [{desk: a, reach: 'true', zone: +01:00}]\n", "quote it"},
		{"desks: [{desk: a, reach: 'true', zone: '+01:00'}]\n", "4:40: desks[0].zone: \"+01:00\" is not the name of a time zone"},
		{"desks: [{desk: a, reach: 'true', vendor: yes}]\n", "4:42: desks[0].vendor: expected true, false or the name of one of the `vendors`, found a text"},
		{"desks: [{desk: a, reach: 'true', vendor: {}}]\n", "found fields"},
		{"vendors: [{vendor: nightcorp, tier_cap: low}]\ndesks: [{desk: a, reach: 'true', vendor: nightcop}]\n", "5:42: desks[0].vendor: unknown word `nightcop`; did you mean `nightcorp`?"},
		{"vendors: [{vendor: nightcorp, tier_cap: low}]\ndesks: [{desk: a, reach: 'true', vendor: no}]\n", "some readers of YAML take no for"},
		{"vendors: [{vendor: a}]\n", "4:11: vendors[0]: a vendor needs `reach` or `tier_cap`, or both"},
		{"vendors: [{tier_cap: low}]\n", "4:11: vendors[0]: the field `vendor` is missing"},
		{"vendors: [{vendor: a, tier_cap: low}, {vendor: a, tier_cap: high}]\n", "4:39: vendors[1]: the vendor `a` is described twice"},
		{"vendors: [{vendor: a, reach: subject.unit}]\n", "vendors[0].reach: the condition gives string"},
		{"eases: {since: sha256:x, because: b, what: [standard/unlock]}\n", "4:16: eases.since: \"sha256:x\" does not name a policy"},
		{"eases: {because: b}\n", "4:8: eases: the field `since` is missing"},
		{"eases: [{since: x}]\n", "4:8: eases: expected fields (because, since, what), found a list"},
		{"eases: {since: \"" + hash + "\", because: b, what: [standard, standard/unlok, std/unlock, '*/*']}\n", "\"standard\" is not a class and an action; write them like standard/unlock"},
		{"eases: {since: \"" + hash + "\", because: b, what: [standard/unlok]}\n", "eases.what[0]: unknown word `unlok`; did you mean `unlock`?"},
		{"eases: {since: \"" + hash + "\", because: b, what: [standart/unlock]}\n", "did you mean `standard`?"},
		{"accepted: [{finding: One Proof, because: b}]\n", "4:22: accepted[0].finding: \"One Proof\" is not a finding"},
		{"accepted: [{finding: one-proof}]\n", "4:12: accepted[0]: the field `because` is missing"},
		{"rules: [{rule: a, when: 'true', demand: {probation: 91d}}]\n", "4:53: rules[0].demand.probation: 91d is longer than 90 days"},
	} {
		rules := oneRule
		if strings.HasPrefix(c.src, "rules") {
			rules = ""
		}
		if ps := problemsOf(t, head+c.src+rules); !strings.Contains(ps.Error(), c.want) {
			t.Errorf("%s: %v", c.src, ps)
		}
	}
}
