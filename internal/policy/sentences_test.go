package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/identity"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestSentences reads testdata/*.txt: what a policy says about one request
// each. A block is a sentence, lines beginning with "given" that change the
// ordinary facts, and the lines of the plan that matter. A plan that denies
// has to be expected with every one of its denials.
func TestSentences(t *testing.T) {
	for policy, sentences := range map[string]string{
		"testdata/design.yaml":        "testdata/design.txt",
		"testdata/corners.yaml":       "testdata/corners.txt",
		"testdata/circumstances.yaml": "testdata/circumstances.txt",
	} {
		p := mustLoad(t, policy)
		text, err := os.ReadFile(sentences)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
			lines := strings.Split(block, "\n")
			t.Run(fmt.Sprintf("%s/%d %s", p.Name(), i, lines[0]), func(t *testing.T) {
				f, want := ordinary(), []string{}
				for _, l := range lines[1:] {
					if given, ok := strings.CutPrefix(l, "given "); ok {
						for _, kv := range strings.Fields(given) {
							change(t, &f, kv)
						}
					} else {
						want = append(want, strings.TrimSpace(l))
					}
				}
				judge(t, p.Plan(f), want)
			})
		}
	}
}

func mustLoad(t testing.TB, path string) *Policy {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load(src)
	if err != nil {
		t.Fatalf("%s:\n%v", path, err)
	}
	return p
}

// ordinary is a request by the owner of an ordinary account, in self-service.
func ordinary() Facts {
	no := false
	return Facts{
		At:     noon,
		Action: identity.PasswordReset,
		Subject: Subject{ID: "corp/u1", Person: "p1", Directory: "corp", Login: "m.ito", Name: "M. Ito", Unit: "Kitchen", Groups: []string{"Everybody"},
			Admin: &no, Status: "active", Manager: "p2", Staff: []string{}, Enrolled: []string{"recovery_code", "totp"}},
		Requester: Requester{Person: "p1"},
		Request:   Request{Channel: identity.SelfService},
		Contacts:  []Contact{{ID: "c1", Kind: "email", FirstSeen: noon.AddDate(-1, 0, 0), Source: "corp"}},
		History:   []Past{},
		Signals:   []Signal{},
	}
}

func change(t *testing.T, f *Facts, kv string) {
	t.Helper()
	key, v, _ := strings.Cut(kv, "=")
	v = strings.ReplaceAll(v, "_-_", " ")
	ago := func() (string, time.Time) {
		what, when, _ := strings.Cut(v, "@")
		d, err := time.ParseDuration(when)
		if err != nil {
			t.Fatal(err)
		}
		return what, noon.Add(-d)
	}
	switch key {
	case "action":
		f.Action = identity.Action(v)
	case "unit":
		f.Subject.Unit = v
	case "groups":
		f.Subject.Groups = strings.Split(v, ",")
	case "staff":
		f.Subject.Staff = strings.Split(v, ",")
	case "admin":
		admin := v == "true"
		if f.Subject.Admin = &admin; v == "unknown" {
			f.Subject.Admin = nil
		}
	case "service":
		f.Subject.Service = v == "true"
	case "fenced":
		f.Subject.Fenced = v == "true"
	case "status":
		f.Subject.Status = v
	case "manager":
		f.Subject.Manager = identity.PersonID(v)
	case "channel":
		f.Request.Channel = identity.Channel(v)
	case "ticket":
		f.Request.Ticket = v
	case "desk":
		f.Agent = Agent{Person: "p9", Desk: v}
	case "vendor":
		f.Agent.Vendor = v == "true"
	case "history":
		what, at := ago()
		f.History = append(f.History, Past{Request: "req_1", Action: identity.Action(what), Outcome: "closed", At: at})
	case "signal":
		what, at := ago()
		f.Signals = append(f.Signals, Signal{Kind: what, At: at})
	case "created":
		_, at := ago()
		f.Subject.Created = &at
	default:
		if !changeCircumstances(t, f, key, v) {
			t.Fatalf("unknown fact %q", key)
		}
	}
}

func changeCircumstances(t *testing.T, f *Facts, key, v string) bool {
	t.Helper()
	period := func() time.Duration {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if f.Location == nil && slices.Contains([]string{"country", "network", "source"}, key) {
		f.Location = &Location{At: noon}
	}
	if f.Device == nil && slices.Contains([]string{"device", "managed", "compliant"}, key) {
		f.Device = &Device{Source: "mdm", At: noon}
	}
	yes := v == "true"
	switch key {
	case "at":
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			t.Fatal(err)
		}
		f.At = at
	case "offset":
		o, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		f.Request.Offset = &o
	case "zone":
		f.Request.Zone = v
	case "hour": // on the desk's clock at noon UTC
		at, err := time.Parse("15:04", v)
		if err != nil {
			t.Fatal(err)
		}
		o := (at.Hour()-12)*3600 + at.Minute()*60
		f.Request.Offset = &o
	case "country":
		f.Location.Country = v
	case "network":
		f.Location.Network = v
	case "source":
		f.Location.Source = v
	case "device":
		f.Device.ID = v
	case "managed":
		f.Device.Managed = &yes
	case "compliant":
		f.Device.Compliant = &yes
	case "emergency":
		f.Emergency = &Emergency{Incident: "INC7", Declared: noon.Add(-period()), Until: noon.Add(24*time.Hour - period())}
	case "delegate":
		f.Delegation = &Delegation{Person: identity.PersonID(v)}
	case "delegation":
		f.Delegation.Since, f.Delegation.Until = noon.Add(-period()), noon.Add(time.Hour)
	case "probation":
		f.Subject.OnProbation = yes
	default:
		return false
	}
	return true
}

// judge compares the lines of a plan that a sentence names.
func judge(t *testing.T, p Plan, want []string) {
	t.Helper()
	var needs, deny []string
	for _, n := range p.Approvals {
		needs = append(needs, fmt.Sprintf("%s %d", n.Role, n.Count))
	}
	for _, d := range p.Deny {
		deny = append(deny, fmt.Sprintf("denied by %s: %s", d.Rule, d.Reason))
	}
	life := func(s int64) string { return (time.Duration(s) * time.Second).String() }
	got := append([]string{
		"class " + string(p.Class),
		"tier " + string(p.Tier),
		"proofs " + p.Proofs.String(),
		"approvals " + strings.Join(needs, ", "),
		"wait " + life(p.Wait),
		"cool_off " + life(p.CoolOff),
		"expires " + life(p.Expires),
		"review " + life(p.Review),
		"probation " + life(p.Probation),
		"delivery " + strings.Join(p.Delivery, ", "),
		"notify " + strings.Join(p.Notify, ", "),
		"follow_up " + strings.Join(p.FollowUp, ", "),
	}, deny...)
	for _, r := range p.Reasons {
		got = append(got, fmt.Sprintf("because %s: %s", r.Rule, r.Demand))
	}
	for i := range got {
		got[i] = strings.TrimSpace(got[i])
	}
	for _, w := range want {
		if !slices.Contains(got, strings.TrimSpace(w)) {
			t.Errorf("expected %q of\n  %s", w, strings.Join(got, "\n  "))
		}
	}
	for _, d := range deny {
		if !slices.Contains(want, d) {
			t.Errorf("unexpected: %s", d)
		}
	}
	if len(want) == 0 {
		t.Error("the sentence claims nothing")
	}
}

func TestFactsComeBackFromJSONAsTheyWere(t *testing.T) {
	f := ordinary()
	created := noon.AddDate(-3, 0, 0)
	f.Subject.Starts, f.Contacts[0].SIMChanged = &created, &created
	f.Subject.Created, f.Subject.Unit, f.Subject.Location = &created, "Payroll", "Kyoto"
	f.Agent = Agent{Person: "p9", Desk: "nightline", Vendor: true}
	f.Request.Ticket = "INC1"
	f.History = []Past{{Request: "req_0", Action: identity.Unlock, Outcome: "closed", Desk: "nightline", At: noon.Add(-time.Millisecond)}}
	f.Signals = []Signal{{Kind: "k", At: noon}}
	yes, offset := true, -3600
	f.Subject.OnProbation, f.Request.Zone, f.Request.Offset = true, "Atlantic/Azores", &offset
	f.Location = &Location{Country: "PT", Network: "guest", Source: "sensor", At: noon}
	f.Device = &Device{ID: "laptop", Managed: &yes, Source: "mdm", At: noon}
	f.Emergency = &Emergency{Incident: "INC7", Declared: noon, Until: noon.Add(time.Hour)}
	f.Delegation = &Delegation{Person: "p5", Since: noon, Until: noon.Add(time.Hour)}
	for _, f := range []Facts{f, ordinary(), {}} {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back Facts
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if string(again) != string(b) || !cmp.Equal(f, back) {
			t.Errorf("%s\ncame back as\n%s", b, again)
		}
	}
}

func TestPlansComeBackFromJSONAsTheyWere(t *testing.T) {
	p := mustLoad(t, "../../policies/starter.yaml")
	denied := ordinary()
	denied.Action, denied.Subject.Admin = identity.MFAReset, nil
	for _, f := range []Facts{ordinary(), denied, {}} {
		plan := p.Plan(f)
		b, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		var back Plan
		if err := json.Unmarshal(b, &back); err != nil || !cmp.Equal(plan, back) {
			t.Errorf("%s came back as %+v, %v", b, back, err)
		}
		if strings.Contains(string(b), "null") {
			t.Errorf("a list that is empty must be written as one: %s", b)
		}
		if !cmp.Equal(plan, Join(plan, back)) {
			t.Errorf("joined with itself the plan changes: %+v", Join(plan, back))
		}
	}
}

func TestAPolicyIsNamedByItsBytes(t *testing.T) {
	src, _ := os.ReadFile("testdata/design.yaml")
	p := mustLoad(t, "testdata/design.yaml")
	if string(p.Source()) != string(src) {
		t.Error("the source is not what was loaded")
	}
	p.Source()[0] = 'X'
	if p.Source()[0] == 'X' {
		t.Error("the source can be changed from outside")
	}
	q, err := Load(append(src, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Hash()) != len("sha256:")+43 || !strings.HasPrefix(p.Hash(), "sha256:") || p.Hash() == q.Hash() {
		t.Errorf("hashes %s and %s", p.Hash(), q.Hash())
	}
	if p.Name() != "acme" || p.RiskAnalysis() != "docs/risk/helpdesk-2026.md" || !slices.Equal(p.Desks(), []string{"nightline"}) ||
		!slices.Equal(p.Rules(), []string{"everyone", "admins", "reset-then-mfa", "vendor-night"}) || len(p.Methods()) != 6 {
		t.Errorf("%s %s %v %v %v", p.Name(), p.RiskAnalysis(), p.Desks(), p.Rules(), p.Methods())
	}
}
