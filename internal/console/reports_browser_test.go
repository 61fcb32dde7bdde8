package console_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/store"
)

// aMonth counts what a middling company might see in a month, as the gate
// would have: pictures of a handful of requests show little.
func aMonth(s *site) {
	s.T.Helper()
	chance := rand.New(rand.NewPCG(2026, 3))
	today := store.DayOf(s.Now())
	var all []store.Count
	for d := range store.Day(90) {
		busy := 30 + chance.Int64N(25)
		if weekday := (today - d).Time().Weekday(); weekday == 0 || weekday == 6 {
			busy /= 5
		}
		all = append(all, aDay(chance, today-d, busy)...)
	}
	_, err := s.Store.Commit(s.T.Context(), store.Commit{Counts: all})
	s.Must(err)
}

func aDay(chance *rand.Rand, day store.Day, busy int64) (all []store.Count) {
	add := func(n int64, figure string, labels ...string) {
		if n > 0 {
			all = append(all, store.Count{Figure: figure, Labels: labels, Day: day, N: n})
		}
	}
	some := func(of int64) int64 { return chance.Int64N(of + 1) }
	ends := map[string]int64{"done": busy * 3 / 4, "cancelled": some(busy / 8), "expired": some(busy / 10), "refused": some(busy / 12), "denied": some(2), "repudiated": some(1), "failed": some(1) / 2}
	add(busy, "opened")
	add(busy*6/10, "opened.desk", "helpdesk")
	add(busy*4/10, "opened.desk", "nightline")
	for end, n := range ends {
		add(n, "ended", end)
		add(n, "ended.class", end, "standard")
		add(n, "ended.action", end, "password_reset")
		add(n, "ended.tier", end, "low")
	}
	add(busy, "opened.class", "standard")
	add(busy, "opened.action", "password_reset")
	add(busy, "opened.tier", "low")
	for i, class := range []string{"standard", "sensitive", "privileged"} {
		took := [][]string{{"180", "300", "300", "420", "420", "900", "1800"}, {"600", "900", "1800", "3600", "7200"}, {"7200", "14400", "86400", "longer"}}[i]
		for range some(6) + int64(6/(i+1)) {
			path := []string{"totp", "email_code+recovery_code", "passkey"}[chance.IntN(3)]
			add(1, "recovered", class, path, took[chance.IntN(len(took))])
		}
	}
	for tier, t := range map[string][3]int64{"low": {10, 0, 0}, "elevated": {13, 10, 0}, "high": {20, 14, 9000}, "critical": {22, 20, 72000}} {
		add(10, "friction", tier, "requests")
		add(t[0], "friction", tier, "proofs")
		add(t[1], "friction", tier, "approvals")
		add(t[2], "friction", tier, "wait_seconds")
	}
	for i, rule := range []string{"vendor-night", "(desk)", "reset-then-mfa", "a rule with a very long name that somebody thought was a good place to explain everything"} {
		add(some(4-int64(i)), "refused", "rule", rule)
	}
	add(some(1), "refused", "bar", "separation_of_duties")
	for range some(busy / 6) {
		hour := (7 + chance.IntN(6) + chance.IntN(6)) % 24
		add(1, "exception.hour", fmt.Sprintf("%02d", hour))
		kind := []string{"wrong_answer", "wrong_answer", "not_found", "no_proof", "expired_proved", "repudiated"}[chance.IntN(6)]
		desk := []string{"helpdesk", "nightline", "nightline", ""}[chance.IntN(4)]
		add(1, "exception.desk", kind, desk)
		add(1, "exception.agent", kind, []string{string(gatetest.Finch), "staff:gone"}[chance.IntN(2)])
	}
	return all
}

func TestReportsAreLookedAtAndReadInARealBrowser(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	b.works(gatetest.Sorrel)
	b.goTo("/reports")
	b.sees("Nothing happened in these days")
	b.picture("reports-empty")
	aMonth(b.site)
	complaints := b.complaints()
	b.goTo("/reports?days=90")
	b.sees("Half of the standard accounts were back within")
	b.picture("reports")
	b.press("By action, class and tier")
	b.press("Show 2 agents")
	b.sees("staff:gone", "New password")
	b.picture("reports-numbers")
	b.press("7 days")
	b.sees("24 February 2026 to 2 March 2026")
	for _, c := range complaints() {
		t.Error(c)
	}
}
