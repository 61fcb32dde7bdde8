package specimen_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
	"countersign/internal/policy/yamltext"
)

func parse(t *testing.T, text string) policy.Facts {
	t.Helper()
	f, err := specimen.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return f
}

func TestAnOrdinaryRequestNeedsNoWords(t *testing.T) {
	for _, text := range []string{"", "{}", "# nothing\n", "{} # an ordinary request\n"} {
		if d := cmp.Diff(specimen.Ordinary(), parse(t, text)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
	if got := string(specimen.Print(specimen.Ordinary())); got != "{} # an ordinary request\n" {
		t.Error(got)
	}
	if specimen.Line(specimen.Ordinary()) != "{}" {
		t.Error(specimen.Line(specimen.Ordinary()))
	}
}

func TestTheOrdinaryRequestIsTheDocumentedOne(t *testing.T) {
	no, at := false, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	want := policy.Facts{
		At: at, Action: "password_reset",
		Subject: policy.Subject{
			ID: "corp/1", Person: "p1", Directory: "corp", Login: "user1", Name: "User 1", Groups: []string{}, Admin: &no,
			Status: "active", Manager: "p2", Staff: []string{}, Enrolled: []string{"email_code", "passkey", "recovery_code", "totp"},
		},
		Requester: policy.Requester{Person: "p1"}, Request: policy.Request{Channel: "self_service"},
		Contacts: []policy.Contact{{ID: "c1", Kind: "email", FirstSeen: at.AddDate(0, 0, -400), Source: "corp"}},
		History:  []policy.Past{}, Signals: []policy.Signal{},
	}
	if d := cmp.Diff(want, specimen.Ordinary()); d != "" || at.Weekday() != time.Monday {
		t.Error(d)
	}
}

func TestASpecimenSaysOnlyWhatDiffers(t *testing.T) {
	f := parse(t, `
action: mfa_reset
at: 2026-03-02T22:30:00Z
subject: {groups: [Domain Admins], admin: unknown, manager: none, unit: Payroll, created: 3d}
agent: {desk: nightline}
request: {channel: phone, zone: Europe/Berlin, utc_offset: 1h}
history: [{action: password_reset, ago: 2h, outcome: done}]
signals: [{kind: sim_change, ago: 1d}]
contacts: [{kind: phone, age: 400d}]
location: {country: DE, ago: 5m}
device: {managed: true, compliant: unknown, ago: 5m}
emergency: {incident: INC7, declared: 1h, until: 3h}
delegation: {person: p7, since: 1d, until: 1d}
`)
	want := specimen.Ordinary()
	at := time.Date(2026, 3, 2, 22, 30, 0, 0, time.UTC)
	created, east, yes := at.AddDate(0, 0, -3), 3600, true
	want.At, want.Action = at, identity.MFAReset
	want.Subject.Groups, want.Subject.Admin, want.Subject.Manager = []string{"Domain Admins"}, nil, ""
	want.Subject.Unit, want.Subject.Created = "Payroll", &created
	want.Agent = policy.Agent{Person: "p3", Desk: "nightline"}
	want.Request = policy.Request{Channel: "phone", Zone: "Europe/Berlin", Offset: &east}
	want.History = []policy.Past{{Request: "req_1", Action: "password_reset", Outcome: "done", At: at.Add(-2 * time.Hour)}}
	want.Signals = []policy.Signal{{Kind: "sim_change", At: at.AddDate(0, 0, -1)}}
	want.Contacts = []policy.Contact{{ID: "c1", Kind: "phone", FirstSeen: at.AddDate(0, 0, -400), Source: "corp"}}
	want.Location = &policy.Location{Country: "DE", Source: "integration", At: at.Add(-5 * time.Minute)}
	want.Device = &policy.Device{Managed: &yes, Source: "integration", At: at.Add(-5 * time.Minute)}
	want.Emergency = &policy.Emergency{Incident: "INC7", Declared: at.Add(-time.Hour), Until: at.Add(3 * time.Hour)}
	want.Delegation = &policy.Delegation{Person: "p7", Since: at.AddDate(0, 0, -1), Until: at.AddDate(0, 0, 1)}
	if d := cmp.Diff(want, f); d != "" {
		t.Error(d)
	}
	const short = `at: 2026-03-02T22:30:00Z
action: mfa_reset
subject: {unit: Payroll, groups: [Domain Admins], admin: unknown, manager: none, created: 3d}
agent: {desk: nightline}
request: {channel: phone, zone: Europe/Berlin, utc_offset: 1h}
contacts: [{kind: phone}]
history: [{ago: 2h}]
signals: [{kind: sim_change, ago: 1d}]
location: {country: DE, ago: 5m}
device: {managed: true, ago: 5m}
emergency: {incident: INC7, declared: 1h, until: 3h}
delegation: {person: p7, since: 1d, until: 1d}
`
	if got := string(specimen.Print(f)); got != short {
		t.Error(cmp.Diff(short, got))
	}
}

func TestSomeFactsFollowFromOthers(t *testing.T) {
	f := parse(t, "subject: {id: ad/77, person: p5}\ncontacts: [{age: 1d}, {kind: phone}]")
	if f.Requester.Person != "p5" || f.Subject.Directory != "ad" || f.Contacts[1].Source != "ad" || f.Contacts[1].ID != "c2" {
		t.Errorf("%+v", f)
	}
	f = parse(t, "agent: {desk: helpdesk, person: none}\nrequester: {person: p8}\nsubject: {directory: other}")
	if f.Agent.Person != "" || f.Requester.Person != "p8" || f.Subject.Directory != "other" {
		t.Errorf("%+v", f)
	}
	// In whatever order they are written.
	a, b := parse(t, "at: 2020-01-01T00:00:00Z\nsignals: [{kind: k, ago: 1h}]"), parse(t, "signals: [{kind: k, ago: 1h}]\nat: 2020-01-01T00:00:00Z")
	if !cmp.Equal(a, b) {
		t.Error(cmp.Diff(a, b))
	}
}

func TestQuotesKeepAWordFromMeaningAnything(t *testing.T) {
	f := parse(t, `
action: "dance"
subject: {unit: "none", manager: 'unknown', location: "", status: "gone", groups: ["no", "1e3", none], enrolled: ["telepathy"], login: ""}
`)
	if f.Subject.Unit != "none" || f.Subject.Manager != "unknown" || f.Subject.Location != "" || f.Action != "dance" || f.Subject.Status != "gone" ||
		!cmp.Equal(f.Subject.Groups, []string{"no", "1e3", "none"}) || f.Subject.Enrolled[0] != "telepathy" || f.Subject.Login != "" {
		t.Errorf("%+v", f)
	}
}

// TestFaults holds what people read when a specimen is wrong.
func TestFaults(t *testing.T) {
	text, err := os.ReadFile("testdata/faults.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n---\n") {
		src, want, _ := strings.Cut(block, "\n=> ")
		want = strings.ReplaceAll(want, "\n=> ", "\n")
		_, err := specimen.Parse([]byte(strings.ReplaceAll(src, "␤", "\n")))
		var ps policy.Problems
		if !errors.As(err, &ps) {
			t.Errorf("%s\nno problem was seen", src)
			continue
		}
		if got := strings.ReplaceAll(ps.Error(), "policy: ", ""); got != strings.TrimSpace(want) {
			t.Errorf("%s\ngot  %s\nwant %s", src, got, want)
		}
	}
}

func TestRecordedFactsAreRead(t *testing.T) {
	for _, text := range []string{
		"{}", "subject: {unit: none, groups: [A, B], manager: none}\nrequest: {utc_offset: -5h}\nlocation: {country: DE}\nat: 2026-03-02T12:00:00.123Z",
	} {
		f := parse(t, text)
		raw, err := json.MarshalIndent(f, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(f, parse(t, string(raw))); d != "" {
			t.Error(d)
		}
	}
}

func TestRecordedFactsAreReadStrictly(t *testing.T) {
	raw, err := json.Marshal(specimen.Ordinary())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"a member that nobody knows":      {`"login":`, `"lugin":"x","login":`, "unknown field"},
		"a member twice":                  {`"login":`, `"login":"x","login":`, "`login` stands here twice"},
		"a member twice in other letters": {`"login":`, `"Login":"x","login":`, "`login` stands here twice"},
		"a member twice in a list":        {`"kind":`, `"kind":"phone","kind":`, "`kind` stands here twice"},
		"a text for a list":               {`"signals":[]`, `"signals":"x"`, "cannot unmarshal string"},
		"a time that is none":             {`"2026-03-02T12:00:00Z"`, `"yesterday"`, "parsing time"},
	} {
		broken := strings.Replace(string(raw), c.old, c.new, 1)
		_, err := specimen.Parse([]byte(broken))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASpecimenMayBeWrittenAsJSON(t *testing.T) {
	f := parse(t, `{"action": "unlock", "subject": {"manager": "p9"}}`)
	if f.Action != identity.Unlock || f.Subject.Manager != "p9" || len(f.Subject.Enrolled) != 4 {
		t.Errorf("%+v", f)
	}
}

var hostile = []string{
	"", " ", "no", "No", "null", "~", "1e3", "007", "0x1F", "none", "unknown", "true", "- a", "a: b", "a #b", "#", "{}", "[]", "]", "a, b", "}",
	"\"", "'", "\\", "\n", "a\nb", "\r\n", "\t", "\u202e", "\u2028", "\u0085", "\ufeff", "\x00", "\x7f", "\U0001F600", "<<", "*a", "&a", "!t", "%", "@", "`",
	"2026-03-02", "2026-03-02T12:00:00Z", "12:30:45", "...", "---", ".inf", "Zoë", " lead", "trail ", "-", "?", ":", "|", ">", "=", "\ufffe",
	"\u3164", "\u034f", "e\u0301", "a" + strings.Repeat(" ", 150) + "b", strings.Repeat(" ", 150), strings.Repeat("long", 3000),
}

var anyText = rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.SampledFrom([]string{"p1", "corp/1", "corp"}))

func textOf[S ~string](t *rapid.T, label string, known ...S) S {
	if len(known) > 0 && rapid.Bool().Draw(t, label+" known") {
		return rapid.SampledFrom(known).Draw(t, label)
	}
	return S(anyText.Draw(t, label))
}

var anyFacts = rapid.Custom(func(t *rapid.T) policy.Facts {
	moment := func(label string) time.Time {
		first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
		switch rapid.IntRange(0, 3).Draw(t, label+" kind") {
		case 0:
			return first
		case 1:
			return time.Unix(rapid.Int64Range(first.Unix(), 253402300799).Draw(t, label), rapid.Int64Range(0, 999999999).Draw(t, label+" ns")).UTC()
		case 2:
			return specimen.Ordinary().At
		}
		return specimen.Ordinary().At.Add(time.Duration(rapid.Int64Range(-1e7, 1e7).Draw(t, label)) * time.Second)
	}
	texts := func(label string, known ...string) []string {
		return append([]string{}, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return textOf(t, label, known...) }), 0, 3).Draw(t, label)...)
	}
	yes := func(label string) bool { return rapid.Bool().Draw(t, label) }
	maybe := func(label string) *bool {
		if !yes(label + " known") {
			return nil
		}
		b := yes(label)
		return &b
	}
	many := func(label string) int { return rapid.IntRange(0, 2).Draw(t, label) }
	f := policy.Facts{
		At: moment("at"), Action: textOf(t, "action", identity.Actions...),
		Subject: policy.Subject{
			ID: textOf[identity.AccountID](t, "id", "corp/1"), Person: textOf[identity.PersonID](t, "person", "p1"), Directory: textOf(t, "directory", "corp"),
			Login: textOf(t, "login", "user1"), Name: textOf[string](t, "name"), Unit: textOf[string](t, "unit"), Location: textOf[string](t, "location"),
			Groups: texts("groups"), Admin: maybe("admin"), Service: yes("service"), Status: textOf(t, "status", "active", "disabled"), Locked: yes("locked"),
			Manager: textOf[identity.PersonID](t, "manager", "p2"), Staff: texts("staff", "security"), Fenced: yes("fenced"),
			Enrolled: texts("enrolled", "totp", "passkey"), OnProbation: yes("on_probation"),
		},
		Requester: policy.Requester{Person: textOf[identity.PersonID](t, "requester", "p1")},
		Agent:     policy.Agent{Person: textOf[identity.PersonID](t, "agent", "p3", ""), Desk: textOf(t, "desk", "", "helpdesk"), Vendor: yes("vendor")},
		Request:   policy.Request{Channel: textOf(t, "channel", identity.IntakeChannels...), Ticket: textOf[string](t, "ticket"), Zone: textOf[string](t, "zone")},
		Contacts:  []policy.Contact{}, History: []policy.Past{}, Signals: []policy.Signal{},
	}
	if yes("created") {
		c := moment("created at")
		f.Subject.Created = &c
	}
	if yes("starts") {
		s := moment("starts at")
		f.Subject.Starts = &s
	}
	if yes("offset") {
		east := rapid.IntRange(-60*60*26, 60*60*26).Draw(t, "east")
		f.Request.Offset = &east
	}
	for range many("contacts") {
		f.Contacts = append(f.Contacts, policy.Contact{ID: textOf(t, "contact", "c1"), Kind: textOf(t, "contact's kind", "email", "phone"),
			FirstSeen: moment("first seen"), Source: textOf(t, "source", "corp"), Own: yes("own")})
		if yes("another SIM") {
			c := moment("SIM changed")
			f.Contacts[len(f.Contacts)-1].SIMChanged = &c
		}
	}
	for range many("history") {
		f.History = append(f.History, policy.Past{Request: textOf(t, "past", "req_1"), Action: textOf(t, "past action", identity.Actions...),
			Outcome: textOf(t, "outcome", "done"), Desk: textOf[string](t, "past desk"), At: moment("past at")})
	}
	for range many("signals") {
		f.Signals = append(f.Signals, policy.Signal{Kind: textOf[string](t, "signal"), At: moment("signal at")})
	}
	if yes("located") {
		f.Location = &policy.Location{Country: textOf(t, "country", "DE"), Network: textOf[string](t, "network"), Source: textOf(t, "locator", "integration"), At: moment("located at")}
	}
	if yes("on a device") {
		f.Device = &policy.Device{ID: textOf[string](t, "device"), Managed: maybe("managed"), Compliant: maybe("compliant"), Source: textOf[string](t, "reporter"), At: moment("seen at")}
	}
	if yes("in an emergency") {
		f.Emergency = &policy.Emergency{Incident: textOf[string](t, "incident"), Declared: moment("declared"), Until: moment("until")}
	}
	if yes("delegated") {
		f.Delegation = &policy.Delegation{Person: textOf[identity.PersonID](t, "delegate"), Since: moment("since"), Until: moment("until")}
	}
	return f
})

func TestEveryFactComesBackFromItsSpecimen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts.Draw(t, "facts")
		before, _ := json.Marshal(f)
		for _, text := range [][]byte{specimen.Print(f), []byte(specimen.Line(f)), before} {
			back, err := specimen.Parse(text)
			if err != nil {
				t.Fatalf("%s\n%v", text, err)
			}
			if d := cmp.Diff(f, back); d != "" {
				t.Fatalf("%s\n%s", text, d)
			}
		}
		if again, _ := json.Marshal(f); !bytes.Equal(before, again) {
			t.Fatal("printing changed the facts")
		}
	})
}

// Taking any line out of a specimen changes what it means.
func TestASpecimenIsTheShortest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts.Draw(t, "facts")
		lines := strings.Split(strings.TrimSpace(string(specimen.Print(f))), "\n")
		for i := range lines {
			if strings.HasPrefix(lines[i], "{}") {
				continue
			}
			less := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "\n")
			if back, err := specimen.Parse([]byte(less)); err == nil && cmp.Equal(f, back) {
				t.Fatalf("%q says nothing", lines[i])
			}
		}
	})
}

func TestASpecimenShowsNoCharacterThatDeceives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(specimen.Print(anyFacts.Draw(t, "facts")))
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Fatalf("byte %d of %q deceives", i, text)
		}
		for _, line := range strings.Split(text, "\n") {
			if !yamltext.Plain(line) {
				t.Fatalf("%q deceives", line)
			}
		}
	})
}

// A fact may hold what no screen shows, but a specimen has to show it.
func TestWhatCannotBeSeenIsReadAsAnEscapeAlone(t *testing.T) {
	for hidden, escaped := range map[string]string{
		"Pay\u200broll": `"Pay\u200broll"`, "\u202eonly": `"\u202eonly"`, "\u3164": `"\u3164"`, "e\u0301": `"e\u0301"`, "a\u00a0b": `"a\u00a0b"`,
	} {
		if f := parse(t, "subject: {unit: "+escaped+"}"); f.Subject.Unit != hidden {
			t.Errorf("%s was read as %q", escaped, f.Subject.Unit)
		}
		if f, err := specimen.Parse([]byte("subject: {unit: \"" + hidden + "\"}")); err == nil {
			t.Errorf("%q was read as %q", hidden, f.Subject.Unit)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range append([]string{
		"", "{}", "action: mfa_reset\nsubject: {unit: Payroll}", "at: 2026-03-02T22:30:00+01:00", "history: [{ago: 1d2h, action: unlock}]",
		"request: {utc_offset: -5h}", "contacts: []", "subject: &a {unit: *a}", "signals: [{kind: \"\\u202e\", at: 0001-01-01T00:00:00Z}]",
		"emergency: {incident: i, declared: 1h, until: -1h}",
	}, hostile...) {
		f.Add([]byte(s))
	}
	raw, err := json.Marshal(specimen.Ordinary())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, text []byte) {
		facts, err := specimen.Parse(text)
		if err != nil {
			var ps policy.Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("%v is not a list of problems", err)
			}
			return
		}
		printed := specimen.Print(facts)
		back, err := specimen.Parse(printed)
		if err != nil || !cmp.Equal(facts, back) {
			t.Fatalf("%q\n%s\n%v\n%s", text, printed, err, cmp.Diff(facts, back))
		}
	})
}

func TestTwoRequestsDifferInWhatIsNamed(t *testing.T) {
	read := func(text string) policy.Facts {
		f, err := specimen.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, c := range []struct{ from, to, want string }{
		{"{}", "{}", ""},
		{"{}", "{action: unlock, subject: {admin: unknown, groups: [a]}}", "action: unlock; subject.groups: [a]; subject.admin: unknown"},
		{"{subject: {manager: none}}", "{}", "subject.manager: p2"},
		{"{device: {managed: true, ago: 1h}}", "{device: {managed: false, ago: 1h}}", "device.managed: false"},
		{"{}", "{device: {managed: false, ago: 1h}}", "device: {managed: false, ago: 1h}"},
		{"{device: {managed: false, ago: 1h}}", "{}", "device: none"},
		{"{history: [{ago: 1h}]}", "{at: 2026-03-02T13:00:00Z, history: [{ago: 1h}]}", "at: 2026-03-02T13:00:00Z"},
		{"{history: [{ago: 1h}]}", "{history: [{ago: 2h}]}", "history: [{ago: 2h}]"},
		{"{}", "{subject: {starts: 3d}, contacts: [{kind: phone, sim_changed: 2h}]}", "subject.starts: 3d; contacts: [{kind: phone, sim_changed: 2h}]"},
		{"{agent: {desk: day}}", "{}", "agent.desk: none; agent.person: none"},
	} {
		if got := strings.Join(specimen.Changes(read(c.from), read(c.to)), "; "); got != c.want {
			t.Errorf("from %s to %s: %s, not %s", c.from, c.to, got, c.want)
		}
	}
}
