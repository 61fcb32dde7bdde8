package gate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

func feed(name string) gate.Caller {
	return gate.Caller{Token: name, Scopes: []gate.Scope{gate.ScopeReport}}
}

func signal(login, kind string, at time.Time) gate.Report {
	return gate.Report{Login: login, Signal: &gate.SignalReport{Kind: kind, At: at}}
}

func yes() *bool { b := true; return &b }

// factsNow are those of a request opened now.
func factsNow(h *gatetest.House) policy.Facts {
	h.T.Helper()
	return h.State(h.Open(gatetest.Wren, identity.Unlock).ID).Facts
}

func TestWhatIntegrationsReportBecomesFactsUnderTheirOwnName(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	at := h.Now().Add(-time.Hour)
	if f := factsNow(h); f.Location != nil || f.Device != nil || len(f.Signals) != 0 {
		t.Errorf("nobody has reported anything, and the facts say %+v %+v %+v", f.Location, f.Device, f.Signals)
	}
	h.Must(h.Gate.Report(t.Context(), feed("risk"), signal(gatetest.Wren, "impossible_travel", at)))
	h.Must(h.Gate.Report(t.Context(), feed("vpn"), gate.Report{Person: h.Person(gatetest.Wren),
		Location: &gate.LocationReport{Country: "JP", Network: "office-tokyo", At: at}}))
	h.Must(h.Gate.Report(t.Context(), feed("mdm"), gate.Report{Login: gatetest.Wren, Device: &gate.DeviceReport{ID: "laptop-7", Managed: yes(), At: at}}))
	f := factsNow(h)
	if len(f.Signals) != 1 || f.Signals[0].Kind != "impossible_travel" || !f.Signals[0].At.Equal(at) {
		t.Errorf("signals: %+v", f.Signals)
	}
	if l := f.Location; l == nil || *l != (policy.Location{Country: "JP", Network: "office-tokyo", Source: "vpn", At: at}) {
		t.Errorf("location: %+v", l)
	}
	if d := f.Device; d == nil || d.ID != "laptop-7" || !*d.Managed || d.Compliant != nil || d.Source != "mdm" {
		t.Errorf("device: %+v", d)
	}
}

func TestOnlyATokenWithTheScopeReports(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	r := signal(gatetest.Wren, "theft", h.Now())
	others := slices.DeleteFunc(slices.Clone(gate.Scopes), func(s gate.Scope) bool { return s == gate.ScopeReport })
	for name, c := range map[string]gate.Caller{
		"an officer": gatetest.Staff(gatetest.Olive), "security": gatetest.Staff(gatetest.Sorrel), "an agent": gatetest.Staff(gatetest.Finch),
		"nobody": {}, "a token of every other scope": {Token: "t", Scopes: others},
	} {
		if err := h.Gate.Report(t.Context(), c, r); code(err) != "forbidden" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAReportThatCannotBeRightIsRefused(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	now := h.Now()
	location := func(l gate.LocationReport) gate.Report { return gate.Report{Login: gatetest.Wren, Location: &l} }
	device := func(d gate.DeviceReport) gate.Report { return gate.Report{Login: gatetest.Wren, Device: &d} }
	for name, r := range map[string]gate.Report{
		"about nobody":             {Signal: &gate.SignalReport{Kind: "theft", At: now}},
		"about two":                {Person: "p", Login: gatetest.Wren, Signal: &gate.SignalReport{Kind: "theft", At: now}},
		"a person of a directory":  {Person: "p", Directory: "corp", Signal: &gate.SignalReport{Kind: "theft", At: now}},
		"an unknown directory":     {Directory: "other", Login: gatetest.Wren, Signal: &gate.SignalReport{Kind: "theft", At: now}},
		"a person of two lines":    {Person: "p\nq", Signal: &gate.SignalReport{Kind: "theft", At: now}},
		"nothing":                  {Login: gatetest.Wren},
		"two things":               {Login: gatetest.Wren, Signal: &gate.SignalReport{Kind: "theft", At: now}, Device: &gate.DeviceReport{ID: "x", At: now}},
		"a signal of no kind":      signal(gatetest.Wren, "", now),
		"a kind of two words":      signal(gatetest.Wren, "two words", now),
		"a kind too long":          signal(gatetest.Wren, strings.Repeat("x", 61), now),
		"a signal of the future":   signal(gatetest.Wren, "theft", now.Add(2*time.Minute)),
		"a signal without a time":  signal(gatetest.Wren, "theft", time.Time{}),
		"a signal of last month":   signal(gatetest.Wren, "theft", now.Add(-30*24*time.Hour)),
		"a location of nowhere":    location(gate.LocationReport{At: now}),
		"a country in lower case":  location(gate.LocationReport{Country: "jp", At: now}),
		"a country of three":       location(gate.LocationReport{Country: "JPN", At: now}),
		"a network of two lines":   location(gate.LocationReport{Network: "a\nb", At: now}),
		"a network too long":       location(gate.LocationReport{Network: strings.Repeat("x", 101), At: now}),
		"a location of yesterday":  location(gate.LocationReport{Country: "JP", At: now.Add(-24 * time.Hour)}),
		"a location of the future": location(gate.LocationReport{Country: "JP", At: now.Add(time.Hour)}),
		"a device without a word":  device(gate.DeviceReport{At: now}),
		"a device id too long":     device(gate.DeviceReport{ID: strings.Repeat("x", 201), At: now}),
		"a device of yesterday":    device(gate.DeviceReport{ID: "x", At: now.Add(-25 * time.Hour)}),
	} {
		if err := h.Gate.Report(t.Context(), feed("f"), r); code(err) != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f := factsNow(h); f.Location != nil || f.Device != nil || len(f.Signals) != 0 {
		t.Errorf("something was kept: %+v %+v %+v", f.Location, f.Device, f.Signals)
	}
}

func TestAReporterLearnsNothingAboutWhoHasAnAccount(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for i := range 102 {
		at := h.Now().Add(-time.Duration(i) * time.Minute)
		known := h.Gate.Report(t.Context(), feed("risk"), signal(gatetest.Wren, "theft", at))
		unknown := h.Gate.Report(t.Context(), feed("risk"), signal("nobody.at.all", "theft", at))
		if fmt.Sprint(known) != fmt.Sprint(unknown) || (i >= 100) != (code(known) == "too_many") {
			t.Fatalf("report %d: %v for an account that is there, %v for one that is not", i, known, unknown)
		}
	}
	if !strings.Contains(h.Log.String(), "the directory does not have") || strings.Contains(h.Log.String(), "nobody.at.all") {
		t.Error("the operator is not told, or is told the name")
	}
}

func TestOfLocationsAndDevicesTheNewestCountsForADay(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	report := func(country string, ago time.Duration) {
		t.Helper()
		h.Must(h.Gate.Report(t.Context(), feed("vpn"), gate.Report{Login: gatetest.Wren, Location: &gate.LocationReport{Country: country, At: h.Now().Add(-ago)}}))
	}
	report("JP", time.Hour)
	report("US", 2*time.Hour) // late news
	if l := factsNow(h).Location; l == nil || l.Country != "JP" {
		t.Errorf("late news replaced newer: %+v", l)
	}
	report("DE", time.Minute)
	if l := factsNow(h).Location; l == nil || l.Country != "DE" {
		t.Errorf("the newest does not count: %+v", l)
	}
	h.Pass(24*time.Hour - 2*time.Minute)
	if l := factsNow(h).Location; l == nil {
		t.Error("it lapsed before its day was over")
	}
	h.Pass(time.Minute)
	if l := factsNow(h).Location; l != nil {
		t.Errorf("a day later it still counts: %+v", l)
	}
	report("FR", 0)
	if l := factsNow(h).Location; l == nil || l.Country != "FR" {
		t.Errorf("nothing replaces what has lapsed: %+v", l)
	}
}

func TestATalkativeSourceKeepsNoOtherOutAndNobodyPilesUpMoreThanAPolicyTakes(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	refused := 0
	for source := range 6 {
		for i := range 101 {
			err := h.Gate.Report(t.Context(), feed(fmt.Sprint("feed-", source)), signal(gatetest.Wren, "theft", h.Now().Add(-time.Duration(i)*time.Second)))
			if code(err) == "too_many" {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if f := factsNow(h); len(f.Signals) != 500 || refused != 106 {
		t.Errorf("%d signals count, %d were refused", len(f.Signals), refused)
	}
}

func TestManySignalsAtOnceAreAllKeptAndStayWithinTheBound(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	at := h.Now()
	for _, err := range together(40, func(i int) error {
		return h.Gate.Report(t.Context(), feed("risk"), signal(gatetest.Wren, "theft", at.Add(-time.Duration(i/2)*time.Second))) // each twice
	}) {
		h.Must(err)
	}
	if n := len(factsNow(h).Signals); n != 20 {
		t.Errorf("%d signals of 20", n)
	}
}

func TestASignalOnceReportedStaysForItsThirtyDaysWhateverIsReportedAfter(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		person := identity.PersonID(fmt.Sprint("p-", run))
		var want []gate.SignalReport
		for range rapid.IntRange(1, 12).Draw(t, "reports") {
			s := gate.SignalReport{Kind: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "kind"), At: h.Now().Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour)}
			source := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "source")
			if err := h.Gate.Report(t.Context(), feed(source), gate.Report{Person: person, Signal: &s}); err != nil {
				t.Fatal(err)
			}
			want = append(want, s)
			items, err := h.Store.Items(t.Context(), "signal", string(person), h.Now())
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, i := range items {
				text.Write(i.Value)
			}
			for _, w := range want {
				if !strings.Contains(text.String(), fmt.Sprintf(`"kind":%q,"at":%q`, w.Kind, w.At.Format(time.RFC3339))) {
					t.Fatalf("%+v is gone: %s", w, text.String())
				}
			}
		}
	})
}

func TestASignalBetweenSignatureAndOrderTightensThePlan(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy+`  - rule: stolen
    when: signals.exists(s, s.kind == "theft" && now - s.at < duration("24h"))
    demand: {approvals: [{role: security, count: 1}]}
`)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	h.Must(h.Gate.Report(t.Context(), feed("risk"), signal(gatetest.Wren, "theft", h.Now())))
	h.Pass(time.Second)
	if s, err := h.Gate.Authorise(t.Context(), v.ID); code(err) != reset.ApprovalMissing || s.Order != nil {
		t.Errorf("the order went out past a signal: %v, %s", err, s.Status())
	}
	h.Pass(31 * 24 * time.Hour)
	if f := factsNow(h); len(f.Signals) != 0 {
		t.Errorf("after its 30 days: %+v", f.Signals)
	}
}
