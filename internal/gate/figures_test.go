package gate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

var sorrel = gatetest.Staff(gatetest.Sorrel)

// figures are those of the last 30 days.
func figures(h *gatetest.House) gate.Figures {
	h.T.Helper()
	f, err := h.Gate.Figures(h.T.Context(), sorrel, gate.FigureSpan{Days: 31})
	h.Must(err)
	return f
}

// everything that was ever counted.
func everything(h *gatetest.House) []store.Count {
	h.T.Helper()
	all, err := h.Store.Counts(h.T.Context(), store.CountQuery{Until: store.DayOf(h.Now()) + 400, ByDay: true})
	h.Must(err)
	return all
}

// recounted holds the running counts against those of the whole ledger.
func recounted(h *gatetest.House) {
	h.T.Helper()
	running := everything(h)
	failed, err := store.Recount(h.T.Context(), h.Store, "again", gate.CountStream)
	h.Must(err)
	if len(failed) > 0 {
		h.T.Fatal(failed)
	}
	if again := everything(h); fmt.Sprint(running) != fmt.Sprint(again) {
		h.T.Errorf("counted as it happened:\n%v\ncounted again:\n%v", running, again)
	}
}

// carriedOut brings a request to its end and says which it is.
func carriedOut(h *gatetest.House, seed gatetest.Seed, a identity.Action, after time.Duration) string {
	h.T.Helper()
	v := h.Open(gatetest.Wren, a)
	token := h.Claim(v.Case)
	h.Must(h.Answer(token, proof.TOTP, h.Code(seed)))
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	h.Pass(after)
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	return v.ID
}

func TestFiguresTellWhatBecameOfRequestsAndWhatWentWrong(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	moss, finch := h.Person(gatetest.Moss), gatetest.Staff(gatetest.Finch)

	carriedOut(h, seed, identity.PasswordReset, 4*time.Minute)
	h.Pass(time.Minute)
	carriedOut(h, seed, identity.PasswordReset, 25*time.Minute)
	h.Pass(time.Minute)

	denied := h.Open(gatetest.Wren, identity.Unlock)
	token := h.Claim(denied.Case)
	if err := h.Answer(token, proof.TOTP, "000000"); code(err) != "answer_refused" {
		t.Fatal(err)
	}
	h.Must(h.Answer(token, proof.TOTP, h.Code(seed)))
	h.Must(h.Vote(moss, denied.ID, reset.Deny))

	cancelled := h.Open(gatetest.Wren, identity.Unlock)
	_, err := h.Gate.Cancel(t.Context(), finch, cancelled.ID)
	h.Must(err)
	for _, login := range []string{"nobody", "admin"} {
		if _, err := h.Gate.Open(t.Context(), finch, gate.Wish{Login: login, Action: identity.Unlock, Channel: identity.Chat}); code(err) != "not_available" {
			t.Fatal(err)
		}
	}
	h.Pass(time.Minute)
	proved := h.Open(gatetest.Wren, identity.Unlock)
	h.Must(h.Answer(h.Claim(proved.Case), proof.TOTP, h.Code(seed)))
	if err := h.Gate.Observe(t.Context(), finch, proved.ID, gate.Observation{Kind: "caller_id"}); code(err) != "not_a_proof" {
		t.Fatal(err)
	}
	h.Pass(25 * time.Hour)
	h.Must(h.Gate.Expire(t.Context(), proved.ID))

	f := figures(h)
	if len(f.Days) != 31 || f.Until != h.Now().Format(time.DateOnly) {
		t.Fatalf("%d days up to %s", len(f.Days), f.Until)
	}
	day, next := f.Days[29], f.Days[30]
	if f.Opened != 6 || day.Opened != 6 || fmt.Sprint(day.Ended) != "map[cancelled:1 denied:1 done:2 refused:1]" || fmt.Sprint(next.Ended) != "map[expired:1]" {
		t.Errorf("opened %d; %+v, then %+v", f.Opened, day, next)
	}
	if got := fmt.Sprint(f.Actions); got != "[{password_reset 2 map[done:2]} {unlock 4 map[cancelled:1 denied:1 expired:1 refused:1]}]" {
		t.Errorf("actions: %v", got)
	}
	if got := fmt.Sprint(f.Classes); got != "[{standard 5 map[cancelled:1 denied:1 done:2 expired:1]} {privileged 1 map[refused:1]}]" {
		t.Errorf("classes: %v", got)
	}
	if got := fmt.Sprint(f.Channels); got != "[{phone 5} {chat 1}]" {
		t.Errorf("channels: %v", got)
	}
	if len(f.Refusals) != 1 || f.Refusals[0].Kind != "rule" || f.Refusals[0].N != 1 {
		t.Errorf("refusals: %+v", f.Refusals)
	}
	if got := fmt.Sprint(f.Exceptions); got != "[{wrong_answer 1} {not_found 1} {no_proof 1} {expired_proved 1}]" {
		t.Errorf("exceptions: %v", got)
	}
	if len(f.Agents) != 1 || f.Agents[0].Agent != gatetest.Finch || f.Agents[0].Name != "Finch Day" || gate.Total(f.Agents[0].Exceptions) != 4 {
		t.Errorf("agents: %+v", f.Agents)
	}
	if len(f.Desks) != 1 || f.Desks[0].Desk != "helpdesk" || f.Desks[0].Vendor || f.Desks[0].Opened != 6 || gate.Total(f.Desks[0].Exceptions) != 4 {
		t.Errorf("desks: %+v", f.Desks)
	}
	if len(f.Friction) != 1 || f.Friction[0].Requests != 2 || f.Friction[0].Proofs != 2 || f.Friction[0].Approvals != 2 || f.Friction[0].WaitSeconds != 0 {
		t.Errorf("friction: %+v", f.Friction)
	}
	at := h.Now().Add(-25 * time.Hour)
	if n := f.Hours[(at.Weekday()+6)%7][at.Hour()]; n != 3 {
		t.Errorf("%d exceptions in the hour of the request: %v", n, f.Hours)
	}
	raw, err := json.Marshal(f)
	h.Must(err)
	for _, word := range []string{"wren", "Wren", string(h.Person(gatetest.Wren)), string(moss), "INC-1", "nobody", denied.ID} {
		if strings.Contains(string(raw), `"`+word) {
			t.Errorf("it tells %q: %s", word, raw)
		}
	}
	recounted(h)
}

func TestTheTimeToRecoverIsBetweenTheStepsThatItWasCountedIn(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	for _, took := range []time.Duration{10 * time.Second, 4 * time.Minute, 5 * time.Minute, 6 * time.Minute, 23 * time.Hour} {
		carriedOut(h, seed, identity.PasswordReset, took)
		h.Pass(time.Minute)
	}
	r := figures(h).Recovered
	if r.Requests != 5 || r.Half != (gate.Between{After: 180, Within: 300}) || r.Most != (gate.Between{After: 43200, Within: 86400}) {
		t.Errorf("recovered: %+v", r)
	}
	f := figures(h)
	if len(f.ByClass) != 1 || f.ByClass[0].Class != "standard" || len(f.ByPath) != 1 || *f.ByPath[0].Path != "totp" || len(f.Recoveries) != 1 {
		t.Errorf("by class %+v, by path %+v", f.ByClass, f.ByPath)
	}
	if fmt.Sprint(r.Steps) != "[{60 1} {300 2} {420 1} {86400 1}]" {
		t.Errorf("steps: %v", r.Steps)
	}
}

func TestARepudiationAndASuspiciousReviewAreExceptions(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Gate.Notice(t.Context(), v.ID, "opened"))
	_, link, _ := strings.Cut(h.Letters(v.ID, gatetest.WrensMail)[0], "/not-me/")
	link, _, _ = strings.Cut(link, "\n")
	h.Must(h.Gate.Repudiate(t.Context(), link))
	h.Must(h.Gate.Repudiate(t.Context(), link))
	paper, err := h.Gate.Statement(t.Context(), sorrel, v.ID, reset.Suspect)
	h.Must(err)
	_, err = h.Gate.Review(t.Context(), sorrel, v.ID, reset.Suspect, paper.ID, "", h.Sign(gatetest.Sorrel, paper.Options.Challenge))
	h.Must(err)
	f := figures(h)
	if got := fmt.Sprint(f.Exceptions); got != "[{repudiated 1} {suspicious 1}]" {
		t.Errorf("exceptions: %v", got)
	}
	if got := fmt.Sprint(f.Days[30].Ended); got != "map[repudiated:1]" {
		t.Errorf("ended: %v", got)
	}
	recounted(h)
}

func TestOnlyOversightReadsFigures(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for name, try := range map[string]struct {
		c  gate.Caller
		ok bool
	}{
		"security": {sorrel, true}, "an officer": {gatetest.Staff(gatetest.Olive), true},
		"an auditing token": {gate.Caller{Token: "t", Scopes: []gate.Scope{gate.ScopeAudit}}, true},
		"a reading token":   {gate.Caller{Token: "t", Scopes: []gate.Scope{gate.ScopeRead}}, false},
		"an agent":          {gatetest.Staff(gatetest.Finch), false}, "a manager": {gatetest.Staff(h.Person(gatetest.Moss)), false},
		"a stranger": {gatetest.Staff("nobody"), false}, "nobody at all": {gate.Caller{}, false},
	} {
		_, err := h.Gate.Figures(t.Context(), try.c, gate.FigureSpan{})
		if try.ok && err != nil || !try.ok && code(err) != "forbidden" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFiguresAreOfAYearAtMost(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for days, ok := range map[int]bool{0: true, 365: true, 366: false, -1: false} {
		f, err := h.Gate.Figures(t.Context(), sorrel, gate.FigureSpan{Since: h.Now().AddDate(0, 0, -days), Until: h.Now()})
		if ok && (err != nil || len(f.Days) != days+1) || !ok && code(err) != "invalid" {
			t.Errorf("%d days: %v", days, err)
		}
	}
	for days, want := range map[int]int{0: 30, 1: 1, 7: 7, 366: 366, 367: 0, -1: 0} {
		f, err := h.Gate.Figures(t.Context(), sorrel, gate.FigureSpan{Days: days})
		if want == 0 && code(err) != "invalid" || want != 0 && (err != nil || len(f.Days) != want || f.Until != "2026-03-02") {
			t.Errorf("the last %d days: %v, %d of them", days, err, len(f.Days))
		}
	}
	if f := figures(h); f.Opened != 0 || len(f.Days) != 31 || f.Recovered.Requests != 0 || f.Recovered.Half != (gate.Between{}) {
		t.Errorf("where nothing happened: %+v", f)
	}
}

func TestALedgerThatWasNotCountedIsCountedWhenTheDoorOpens(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	carriedOut(h, seed, identity.PasswordReset, time.Minute)
	want := everything(h)
	// As a program leaves it that knows nothing of figures.
	records, err := h.Store.Records(t.Context(), 0, 10000)
	h.Must(err)
	h.Must(h.Store.Replace(t.Context(), "none", uint64(len(records)), nil))
	if len(everything(h)) != 0 {
		t.Fatal("something is still counted")
	}
	reopened(h)
	if got := everything(h); fmt.Sprint(got) != fmt.Sprint(want) || len(got) == 0 {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// reopened opens another door on the house's store.
func reopened(h *gatetest.House) {
	h.T.Helper()
	_, err := gate.New(h.T.Context(), gate.Config{Organisation: "Aviary", BaseURL: gatetest.Origin, LogKey: h.LogKey},
		gate.Parts{Store: h.Store, Box: h.Box, Now: h.Now, Log: h.Logger()})
	h.Must(err)
}

func TestWhatManyDoAtOnceIsCountedOnce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Enrol(gatetest.Wren, proof.TOTP)
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			v, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
			if err == nil && i%2 == 0 {
				_, err = h.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Finch), v.ID)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f := figures(h)
	if f.Opened != 24 || f.Days[30].Ended[reset.CancelledBy] != 12 {
		t.Errorf("opened %d, %+v", f.Opened, f.Days[30])
	}
	recounted(h)
}

// TestCountingAsItHappensAndCountingAgainAgree walks at random through what
// people may do, right or wrong, in an order that nobody thought of.
func TestCountingAsItHappensAndCountingAgainAgree(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			walk(t, rand.New(rand.NewPCG(seed, 7)))
		})
	}
}

func walk(t *testing.T, chance *rand.Rand) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	moss, finch := h.Person(gatetest.Moss), gatetest.Staff(gatetest.Finch)
	type known struct{ id, token, code string }
	var all []known
	some := func() known { return all[chance.IntN(len(all))] }
	ctx := context.Background()
	acts := []func(){
		func() {
			login := []string{gatetest.Wren, gatetest.Wren, "admin", "nobody"}[chance.IntN(4)]
			a := []identity.Action{identity.PasswordReset, identity.Unlock}[chance.IntN(2)]
			if v, err := h.Gate.Open(ctx, finch, gate.Wish{Login: login, Action: a, Channel: identity.Phone}); err == nil {
				token, _, _ := h.Gate.Claim(ctx, v.Case)
				all = append(all, known{v.ID, token, v.Case})
			}
		},
		func() { _ = h.Answer(some().token, proof.TOTP, h.Code(seed)) },
		func() { _ = h.Answer(some().token, proof.TOTP, "000000") },
		func() { _ = h.Vote(moss, some().id, reset.Approve) },
		func() { _ = h.Vote(moss, some().id, reset.Approve) },
		func() {
			if chance.IntN(3) == 0 {
				_ = h.Vote(moss, some().id, reset.Deny)
			}
		},
		func() { _, _ = h.Gate.Authorise(ctx, some().id) },
		func() { _, _ = h.Gate.Authorise(ctx, some().id) },
		func() { _ = h.Do("dispatch", some().id) },
		func() { _ = h.Do("follow_up", some().id) },
		func() { _ = h.Gate.Observe(ctx, finch, some().id, gate.Observation{Kind: "voice_recognition"}) },
		func() { _, _ = h.Gate.CancelCase(ctx, some().token) },
		func() { _ = h.Gate.Expire(ctx, some().id) },
		func() { h.Pass(time.Duration(chance.IntN(300)) * time.Minute) },
		func() { h.Pass(time.Minute) },
		func() { // as it should go, where nothing stands in the way
			r := all[len(all)-1]
			h.Pass(time.Minute)
			_ = h.Answer(r.token, proof.TOTP, h.Code(seed))
			_ = h.Vote(moss, r.id, reset.Approve)
			h.Pass(time.Duration(chance.IntN(90)) * time.Minute)
			_, _ = h.Gate.Authorise(ctx, r.id)
			_ = h.Do("dispatch", r.id)
		},
	}
	for len(all) == 0 {
		acts[0]()
	}
	acts[len(acts)-1]()
	for range 200 {
		acts[chance.IntN(len(acts))]()
	}
	if f := figures(h); f.Opened == 0 || f.Recovered.Requests == 0 || len(f.Exceptions) == 0 {
		t.Errorf("the walk led nowhere: %d opened, %d done, exceptions %v", f.Opened, f.Recovered.Requests, f.Exceptions)
	}
	recounted(h)
}

func TestFiguresNameVendorsAsThePolicyInForceDoes(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "  - desk: helpdesk\n", "  - desk: helpdesk\n    vendor: true\n", 1))
	h.Open(gatetest.Wren, identity.Unlock)
	if f := figures(h); len(f.Desks) != 1 || !f.Desks[0].Vendor {
		t.Errorf("desks: %+v", f.Desks)
	}
}
