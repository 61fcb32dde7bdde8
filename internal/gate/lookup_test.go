package gate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

var finch = gatetest.Staff(gatetest.Finch)

func look(h *gatetest.House, c gate.Caller, login string) (gate.Findings, error) {
	return h.Gate.LookUp(h.T.Context(), c, gate.LookUp{Login: login})
}

func TestALookUpShowsTheLeastThatTellsWhetherItIsTheRightPerson(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Enrol(gatetest.Wren, proof.TOTP)
	h.Must(h.Directory.SetGroup(t.Context(), gatetest.Wren, "Choir"))
	out, err := look(h, finch, "WREN")
	h.Must(err)
	if len(out.Accounts) != 1 {
		t.Fatalf("%+v", out)
	}
	a := out.Accounts[0]
	if a.Login != "wren" || a.Name != "Wren Ito" || a.Directory != "corp" || a.Class != identity.Standard || len(a.Open) != 0 || a.Elsewhere {
		t.Errorf("%+v", a)
	}
	if fmt.Sprint(a.Actions) != "[password_reset mfa_reset unlock initial_enrolment]" {
		t.Errorf("actions: %v", a.Actions)
	}
	raw, err := json.Marshal(out)
	h.Must(err)
	for _, word := range []string{"totp", gatetest.WrensMail, "Choir", "moss", "con_", "enr_"} {
		if strings.Contains(strings.ToLower(string(raw)), strings.ToLower(word)) {
			t.Errorf("it tells %q: %s", word, raw)
		}
	}
}

func TestALookUpTellsWhatIsOpenAndOfOthersOnlyThatThereIs(t *testing.T) {
	h := gatetest.New(t, strings.Replace(plenty, "desks:", "desks:\n  - desk: nightline\n    reach: subject.class != \"privileged\"", 1))
	h.Invite("staff:dipper", "Dipper Lake", "nightline", identity.Agent)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	mine, err := look(h, finch, gatetest.Wren)
	h.Must(err)
	theirs, err := look(h, gatetest.Staff("staff:dipper"), gatetest.Wren)
	h.Must(err)
	if a := mine.Accounts[0]; len(a.Open) != 1 || a.Open[0].Case != v.Case || a.Open[0].ID != v.ID || a.Elsewhere {
		t.Errorf("the desk of the request: %+v", a)
	}
	if a := theirs.Accounts[0]; len(a.Open) != 0 || !a.Elsewhere {
		t.Errorf("another desk: %+v", a)
	}
	_, err = h.Gate.Cancel(t.Context(), finch, v.ID)
	h.Must(err)
	mine, err = look(h, finch, gatetest.Wren)
	h.Must(err)
	if a := mine.Accounts[0]; len(a.Open) != 0 || a.Elsewhere {
		t.Errorf("when it has ended: %+v", a)
	}
}

// Open and LookUp answer by one rule: who is out of reach, fenced or not there
// at all cannot be told apart.
func TestALookUpTellsNothingOfAccountsThatTheDeskCannotServe(t *testing.T) {
	h := gatetest.New(t, plenty)
	_, err := h.Directory.Add(t.Context(), local.NewAccount{Login: "fenced", Name: "Fay Enced", Contacts: []directory.Contact{
		{Kind: directory.ContactEmail, Address: "fay@private.example", FirstSeen: h.Now().AddDate(-1, 0, 0)}}})
	h.Must(err)
	v := h.Open("fenced", identity.Unlock)
	h.Must(h.Gate.Notice(t.Context(), v.ID, "opened"))
	_, link, _ := strings.Cut(h.Letters(v.ID, "fay@private.example")[0], "/not-me/")
	h.Must(h.Gate.Repudiate(t.Context(), strings.TrimSpace(link)))
	for _, login := range []string{"nobody", "admin", "fenced", "wre", "wren*", "*", "w%"} {
		out, err := look(h, finch, login)
		if !errors.Is(err, gate.ErrNotAvailable) || len(out.Accounts) != 0 {
			t.Errorf("%s: %+v, %v", login, out, err)
		}
	}
	if n := noted(h, "looked_up"); n != 7 {
		t.Errorf("%d of 7 look-ups were noted", n)
	}
	if out := h.Letters("", soc); len(out) != 1 || strings.Contains(strings.Join(out, ""), "admin") {
		t.Errorf("security hears of those that find nothing, once and without names: %q", out)
	}
}

func TestOnlyAgentsLookUp(t *testing.T) {
	h := gatetest.New(t, plenty)
	for name, c := range map[string]gate.Caller{
		"a manager": gatetest.Staff(h.Person(gatetest.Moss)), "security": gatetest.Staff(gatetest.Sorrel), "an officer": gatetest.Staff(gatetest.Olive),
		"a token of every scope": {Token: "itsm", Scopes: gate.Scopes}, "a stranger": gatetest.Staff("staff:nobody"),
	} {
		if _, err := look(h, c, gatetest.Wren); code(err) != "forbidden" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, login := range []string{"", "a\nb", strings.Repeat("x", 257), "\u202Ewren"} {
		if _, err := look(h, finch, login); code(err) != "invalid" {
			t.Errorf("%q: %v", login, err)
		}
	}
	if n := noted(h, "looked_up"); n != 0 {
		t.Errorf("%d notes of what was never looked up", n)
	}
}

func TestAnAgentDoesNotLookAfterThemselves(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Invite(h.Person(gatetest.Wren), "Wren Ito", "helpdesk", identity.Agent)
	_, err := look(h, gatetest.Staff(h.Person(gatetest.Wren)), gatetest.Wren)
	if code(err) != reset.SeparationOfDuties {
		t.Errorf("themselves: %v", err)
	}
}

func TestADirectoryCannotBeCopiedByLookUps(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Invite("staff:heron", "Heron Fox", "helpdesk", identity.Agent)
	for i := range 60 {
		if _, err := look(h, finch, gatetest.Wren); err != nil {
			t.Fatalf("look-up %d: %v", i, err)
		}
	}
	if n := len(h.Letters("", soc)); n != 1 {
		t.Errorf("security got %d letters", n)
	}
	for _, login := range []string{gatetest.Wren, "nobody"} {
		_, err := look(h, finch, login)
		var later *gate.Later
		if code(err) != reset.TooMany || !errors.As(err, &later) || later.Wait != time.Hour || !strings.Contains(err.Error(), "10:00 UTC") {
			t.Errorf("%s, after sixty: %v", login, err)
		}
	}
	if n := noted(h, "looked_up"); n != 60 {
		t.Errorf("%d notes", n)
	}
	if _, err := look(h, gatetest.Staff("staff:heron"), gatetest.Wren); err != nil {
		t.Errorf("a colleague: %v", err)
	}
	h.Open(gatetest.Wren, identity.Unlock) // who is on the line is served all the same
	h.Pass(time.Hour)
	if _, err := look(h, finch, gatetest.Wren); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestLookUpsAtOnceAreAllCounted(t *testing.T) {
	h := gatetest.New(t, plenty)
	for range 55 {
		_, err := look(h, finch, gatetest.Wren)
		h.Must(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	shown := 0
	for range 12 {
		all.Go(func() {
			if _, err := look(h, finch, gatetest.Wren); err == nil {
				mu.Lock()
				defer mu.Unlock()
				shown++
			}
		})
	}
	all.Wait()
	if n := noted(h, "looked_up"); shown > 5 || n != 55+shown {
		t.Errorf("%d more were shown and %d noted in all, at most 60 are allowed", shown, n)
	}
}
