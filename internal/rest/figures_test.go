package rest_test

import (
	"bytes"
	"testing"
	"time"

	"countersign/internal/gate"
)

func TestFiguresAreReadOverHTTPByThoseWithOversight(t *testing.T) {
	c := man(t)
	day := c.Now().Format(time.DateOnly)
	path := "/figures?since=" + day + "&until=" + day
	a := c.get(path, as(c.officer)).ok(200)
	f := into[gate.Figures](a)
	if f.Opened != 1 || len(f.Days) != 1 || f.Days[0].Opened != 1 || f.Days[0].Day != day || len(f.Desks) != 1 || f.Desks[0].Desk != "helpdesk" {
		t.Errorf("%s", a.body)
	}
	for _, word := range []string{"wren", "Wren", "INC-7", "totp", "null"} {
		if bytes.Contains(a.body, []byte(word)) {
			t.Errorf("the answer tells %q: %s", word, a.body)
		}
	}
	c.get(path, as(c.token2("audit", gate.ScopeAudit))).ok(200)
	for who, session := range map[string]string{"an agent": c.agent, "a manager": c.manager, "a token": c.token2("most", gate.ScopeOpen, gate.ScopeRead, gate.ScopeEnrol, gate.ScopeReport)} {
		if got := c.get(path, as(session)); got.code != 403 {
			t.Errorf("%s: %d %s", who, got.code, got.body)
		}
	}
	c.get(path).no(401, "unauthenticated")
	for _, bad := range []string{
		"?since=yesterday&until=" + day, "?since=2026-02-30&until=2026-03-02", "?since=2026-03-02T00:00:00Z&until=2026-03-02",
		"?since=2026-03-02&until=2026-03-01", "?since=2025-03-01&until=2026-03-02",
	} {
		c.get("/figures"+bad, as(c.officer)).no(400, "invalid")
	}
	if f := into[gate.Figures](c.get("/figures", as(c.officer)).ok(200)); len(f.Days) != 30 || f.Until != day {
		t.Errorf("without days: %s to %s", f.Since, f.Until)
	}
	c.get(path+"&by=agent", as(c.officer)).no(400, "unknown_field")
}
