package app

import (
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to damage a store behind the program's back

	"countersign/internal/client"
	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/policy"
)

func loaded(t *testing.T, rules ...string) *policy.Policy {
	t.Helper()
	text := policyText
	for _, r := range rules {
		text += "  - rule: " + r + "\n    when: request.hour < 6\n    deny: closed\n"
	}
	p, err := policy.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRulesThatCannotBeEvaluatedAreCountedByNameForThePolicyInForceAlone(t *testing.T) {
	m := newMetrics()
	count := func() string {
		t.Helper()
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "countersign_policy_errors_total" {
				continue
			}
			var out []string
			for _, x := range f.GetMetric() {
				out = append(out, fmt.Sprint(x.GetLabel()[0].GetValue(), "=", x.GetCounter().GetValue()))
			}
			return strings.Join(out, " ")
		}
		return ""
	}
	old, now := loaded(t, "night"), loaded(t, "night", "dawn")
	m.ruleFaulted(old, "night")
	m.ruleFaulted(old, "night")
	if got := count(); got != "night=2" {
		t.Errorf("counted %q", got)
	}
	m.ruleFaulted(now, "dawn")
	if got := count(); got != "dawn=1" {
		t.Errorf("after another policy: %q", got)
	}
}

func TestADecisionThatARuleCouldNotMakeShowsInTheMetrics(t *testing.T) {
	c := config(t)
	if err := replaceFile(c.Policy, []byte(policyText+"  - rule: night\n    when: request.hour < 6\n    deny: closed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	officer := founded(t, c)
	if _, err := AddAccount(t.Context(), c, NewAccount{Login: "m.ito", Name: "M. Ito"}); err != nil {
		t.Fatal(err)
	}
	a, _ := started(t, c)
	api := at(t, a)
	session, err := api.SignIn(t.Context(), officer)
	if err != nil {
		t.Fatal(err)
	}
	paper, err := api.As(session.Token).TokenPaper(t.Context(), "itsm", []string{"requests:open"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	token, err := api.As(session.Token).CreateToken(t.Context(), paper, officer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.As(token).Open(t.Context(), client.Wish{Login: "m.ito", Action: identity.PasswordReset, Channel: identity.SelfService})
	if client.CodeOf(err) != "not_available" {
		t.Fatalf("opened past a rule that cannot be evaluated: %v", err)
	}
	for range 2 {
		if _, body := get(t, a, "/metrics"); !strings.Contains(body, `countersign_policy_errors_total{rule="night"} 1`) {
			t.Error("not counted, or more than once")
		}
	}
}

func TestAServerKnowsTheZonesOfTheWorld(t *testing.T) {
	for _, zone := range []string{"Asia/Tokyo", "America/Argentina/Buenos_Aires", "Europe/Berlin", "UTC"} {
		if _, err := gate.LoadPolicy([]byte("zone: " + zone + "\n" + policyText)); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
	}
}

func TestAServerDoesNotStartOnADamagedPolicy(t *testing.T) {
	c := config(t)
	founded(t, c)
	db, err := sql.Open("sqlite", filepath.Join(c.Data, fileStore))
	if err != nil {
		t.Fatal(err)
	}
	res, err := db.Exec(`UPDATE private SET kept = CAST(replace(CAST(kept AS TEXT), 'totp', 'none') AS BLOB) WHERE seq = 0`)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); n != 1 || err != nil {
		t.Fatalf("%d rows, %v", n, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)}); err == nil {
		a.Close()
		t.Error("it started")
	} else if !strings.Contains(err.Error(), "the roster on the ledger does not verify") {
		t.Error(err)
	}
}
