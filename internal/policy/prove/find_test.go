package prove

import (
	"fmt"
	"os"
	"testing"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

func starter(t testing.TB) *policy.Policy {
	t.Helper()
	src, err := os.ReadFile("../../../policies/starter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return load(t, string(src))
}

// handful is every request that differs from the ordinary one in nothing but
// these six facts.
func handful() []policy.Facts {
	var out []policy.Facts
	for _, action := range []identity.Action{identity.PasswordReset, identity.Unlock, identity.MFAReset} {
		for _, unit := range []string{"", "Payroll", "Kitchen", "Elsewhere"} {
			for _, admin := range []*bool{ptr(false), ptr(true), nil} {
				for _, channel := range []identity.Channel{identity.SelfService, identity.Phone, identity.Chat} {
					for bits := range 4 {
						f := specimen.Ordinary()
						f.Action, f.Subject.Unit, f.Subject.Admin, f.Request.Channel = action, unit, admin, channel
						f.Subject.Service, f.Subject.Locked = bits&1 != 0, bits&2 != 0
						out = append(out, f)
					}
				}
			}
		}
	}
	return out
}

// distance counts those of the six facts that are not ordinary.
func distance(f policy.Facts) int {
	n, g := 0, specimen.Ordinary()
	for _, differs := range []bool{
		f.Action != g.Action, f.Subject.Unit != g.Subject.Unit, f.Request.Channel != g.Request.Channel,
		f.Subject.Admin == nil || *f.Subject.Admin, f.Subject.Service, f.Subject.Locked,
	} {
		if differs {
			n++
		}
	}
	return n
}

func TestWhatIsFoundIsAsNearAsCanBe(t *testing.T) {
	p := load(t, small)
	v := NewProver(p)
	found := 0
	for seed := range uint64(testScale(30)) {
		w := newWriter(seed)
		atom := func() string {
			return one(w, `action == "unlock"`, `action != "mfa_reset"`, `has(subject.unit) && subject.unit == "Payroll"`, `subject.unit == "Kitchen"`,
				`has(subject.unit)`, `subject.unit != "Payroll"`, `subject.admin`, `!subject.admin`, `has(subject.admin)`, `subject.service`, `subject.locked`,
				`request.channel in ["phone", "chat"]`, `request.channel != "chat"`)
		}
		text := "true"
		for range 2 + w.IntN(3) {
			text = fmt.Sprintf("(%s || %s && %s) && (%s)", atom(), atom(), atom(), text)
		}
		st := statement(t, p, policy.Possible, text)
		least := -1
		for _, f := range handful() {
			plan := p.Plan(f)
			if is, err := p.True(st, f, plan); is && err == nil && !plan.Denied() && (least < 0 || distance(f) < least) {
				least = distance(f)
			}
		}
		r := v.Statement(st)
		switch {
		case (r.Outcome == Holds) != (least >= 0):
			t.Errorf("%s: %s, and the least distance is %d", text, r.Outcome, least)
		case least >= 0:
			found++
			if got := distance(*r.Request); got != least {
				t.Errorf("%s: %s differs in %d facts; %d are enough", text, specimen.Line(*r.Request), got, least)
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}

// Nearness is to the request that is given, not to any in particular.
func TestFindingStartsFromTheGivenRequest(t *testing.T) {
	p := load(t, small)
	s := NewSpace(p)
	near := specimen.Ordinary()
	near.Action, near.Subject.Unit, near.Subject.Groups = identity.Unlock, "Kitchen", []string{"Choir"}
	near.History = []policy.Past{{Request: "r", Action: identity.MFAReset, Outcome: "done", At: near.At}}
	got := s.Find(s.Of(0).Class(identity.Privileged), near, func(f policy.Facts) bool { return p.Plan(f).Class == identity.Privileged })
	near.Subject.Admin = ptr(true)
	if want := specimen.Line(near); !got.Found || specimen.Line(got.Facts) != want {
		t.Errorf("found %s, expected %s", specimen.Line(got.Facts), want)
	}
}

func TestAPropositionThatNobodyConfirmsIsNotFound(t *testing.T) {
	p := load(t, small)
	s := NewSpace(p)
	got := s.Find(s.Of(0).Class(identity.Privileged), specimen.Ordinary(), func(policy.Facts) bool { return false })
	if got.Found || got.Impossible || got.Unclear == "" {
		t.Errorf("%+v", got)
	}
	if got := s.Find(False, specimen.Ordinary(), nil); !got.Impossible {
		t.Errorf("%+v", got)
	}
}
