package rest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/reset"
)

func TestAnAgentLooksUpOverHTTP(t *testing.T) {
	c := man(t)
	got := into[gate.Findings](c.post("/look-ups", object{"login": "wren"}, as(c.agent)).ok(200))
	if len(got.Accounts) != 1 || got.Accounts[0].Name != "Wren Ito" || len(got.Accounts[0].Open) != 1 || got.Accounts[0].Open[0].Case != c.request.Case {
		t.Errorf("%+v", got)
	}
	c.post("/look-ups", object{"login": "wren", "directory": "corp"}, as(c.agent)).ok(200)
	c.post("/look-ups", object{"login": "wren", "directory": "elsewhere"}, as(c.agent)).no(400, "invalid")
	c.post("/look-ups", object{"login": ""}, as(c.agent)).no(400, "invalid")
	c.post("/look-ups", object{"login": "wren", "reveal": true}, as(c.agent)).no(400, "unknown_field")
	for _, session := range []string{c.manager, c.security, c.officer, c.token2("everything", gate.Scopes...)} {
		c.post("/look-ups", object{"login": "wren"}, as(session)).no(403, "forbidden")
	}
	c.post("/look-ups", object{"login": "wren"}).no(401, "unauthenticated")
}

func TestALookUpAnswersAlikeForWhatIsNotThereAndWhatIsOutOfReach(t *testing.T) {
	c := man(t)
	nobody := c.post("/look-ups", object{"login": "nobody.at.all"}, as(c.agent)).no(403, "not_available")
	above := c.post("/look-ups", object{"login": "admin"}, as(c.agent)).no(403, "not_available")
	nobody.Del("X-Request-Id")
	above.Del("X-Request-Id")
	if !bytes.Equal(nobody.body, above.body) || fmt.Sprint(nobody.Header) != fmt.Sprint(above.Header) {
		t.Errorf("%s\n%s", nobody.body, above.body)
	}
}

func TestLookUpsAreBoundedOverHTTP(t *testing.T) {
	c := man(t)
	for range 60 {
		c.post("/look-ups", object{"login": "wren"}, as(c.agent)).ok(200)
	}
	a := c.post("/look-ups", object{"login": "wren"}, as(c.agent)).no(429, string(reset.TooMany))
	if a.Get("Retry-After") != "3600" || !strings.Contains(string(a.body), "10:00 UTC") {
		t.Errorf("%v %s", a.Header, a.body)
	}
}

func TestARequestShowsItsChecklistAndAListIsNarrowed(t *testing.T) {
	c := man(t)
	v := into[gate.View](c.get(c.path(""), as(c.agent)).ok(200))
	if len(v.Progress) == 0 || v.Progress[0].State != gate.StepDone || v.Progress[1].State != gate.StepCurrent || v.Page != gatetest.Origin+"/case" {
		t.Errorf("%+v", v)
	}
	type list struct{ Requests []gate.Summary }
	for query, want := range map[string]int{
		"?desk=helpdesk": 1, "?desk=nightline": 0, "?case=" + strings.ToLower(v.Case): 1, "?case=2222-2222": 0,
		"?case=" + v.Case + "&status=done": 0, "?action=unlock": 0, "?action=password_reset&desk=helpdesk": 1,
	} {
		if got := into[list](c.get("/requests"+query, as(c.security)).ok(200)); len(got.Requests) != want {
			t.Errorf("%s: %d requests, want %d", query, len(got.Requests), want)
		}
	}
	c.get("/requests?desk="+strings.Repeat("x", 101), as(c.security)).no(400, "invalid")
}
