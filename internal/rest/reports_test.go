package rest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
)

func TestAnIntegrationReportsOverHTTPAndTheNextRequestKnows(t *testing.T) {
	s := open(t, gatetest.Policy)
	at := s.Now().Add(-time.Minute).Format(time.RFC3339)
	feed := as(s.token("mdm", gate.ScopeReport))
	s.post("/reports", object{"login": "wren", "signal": object{"kind": "impossible_travel", "at": at}}, feed, key("1")).ok(204)
	s.post("/reports", object{"login": "wren", "signal": object{"kind": "impossible_travel", "at": at}}, feed, key("1")).ok(204)
	s.post("/reports", object{"login": "wren", "location": object{"country": "JP", "network": "office", "at": at}}, feed).ok(204)
	s.post("/reports", object{"person": string(s.Person("wren")), "device": object{"managed": true, "at": at}}, feed).ok(204)
	v := into[gate.View](s.post("/requests", wish(), as(s.signIn(gatetest.Finch))).ok(201))
	f := s.State(v.ID).Facts
	if len(f.Signals) != 1 || f.Location == nil || f.Location.Source != "mdm" || f.Device == nil || !*f.Device.Managed || f.Device.Source != "mdm" {
		t.Errorf("the facts say %+v %+v %+v", f.Signals, f.Location, f.Device)
	}
}

func TestAReportNamesNoSourceAndEveryWrongOneIsRefusedInWords(t *testing.T) {
	s := open(t, gatetest.Policy)
	at := s.Now().Format(time.RFC3339)
	feed := as(s.token("mdm", gate.ScopeReport))
	signal := func(more object) object {
		b := object{"login": "wren", "signal": object{"kind": "theft", "at": at}}
		for k, v := range more {
			b[k] = v
		}
		return b
	}
	for name, try := range map[string]struct {
		body any
		code string
	}{
		"a source":              {signal(object{"source": "risk"}), "unknown_field"},
		"a source inside":       {signal(object{"location": object{"country": "JP", "at": at, "source": "risk"}}), "unknown_field"},
		"a wish to delete":      {signal(object{"delete": true}), "unknown_field"},
		"two things":            {signal(object{"device": object{"id": "x", "at": at}}), "invalid"},
		"nothing":               {object{"login": "wren"}, "invalid"},
		"nobody":                {object{"signal": object{"kind": "theft", "at": at}}, "invalid"},
		"no time":               {signal(object{"signal": object{"kind": "theft"}}), "invalid"},
		"tomorrow":              {signal(object{"signal": object{"kind": "theft", "at": s.Now().AddDate(0, 0, 1).Format(time.RFC3339)}}), "invalid"},
		"a kind of two words":   {signal(object{"signal": object{"kind": "two words", "at": at}}), "invalid"},
		"a country of a planet": {object{"login": "wren", "location": object{"country": "Mars", "at": at}}, "invalid"},
		"a kind that is a list": {signal(object{"signal": object{"kind": []string{"theft"}, "at": at}}), "invalid"},
		"a very long login":     {object{"login": strings.Repeat("w", 257), "signal": object{"kind": "theft", "at": at}}, "invalid"},
	} {
		if a := s.post("/reports", try.body, feed); a.code != 400 {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		} else {
			a.no(400, try.code)
		}
	}
	s.send("DELETE", "/api/v1/reports", nil, feed).no(405, "method_not_allowed")
	s.get("/reports", feed).no(405, "method_not_allowed")
	s.post("/reports", signal(nil)).no(401, "unauthenticated")
	s.post("/reports", signal(nil), as(s.signIn(gatetest.Olive))).no(403, "forbidden")
}

func TestAReportAboutNobodyIsAnsweredAsOneAboutSomebody(t *testing.T) {
	s := open(t, gatetest.Policy)
	feed := as(s.token("risk", gate.ScopeReport))
	var answers []string
	for _, login := range []string{"wren", "admin", "nobody.at.all", "w*"} {
		a := s.post("/reports", object{"login": login, "signal": object{"kind": "theft", "at": s.Now().Format(time.RFC3339)}}, feed).ok(204)
		a.Del("X-Request-Id")
		answers = append(answers, fmt.Sprint(a.code, a.Header, string(a.body)))
	}
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("answers differ:\n%s", strings.Join(answers, "\n"))
		}
	}
}

func TestWhoIsOnProbationIsToldUntilWhen(t *testing.T) {
	trial := strings.Replace(gatetest.Policy, "      approvals: [{role: manager, count: 1}]\n      follow_up", "      probation: 24h\n      follow_up", 1)
	c := &crew{site: open(t, trial)}
	c.seed, _ = c.Enrol(gatetest.Wren, "totp")
	c.agent = c.signIn(gatetest.Finch)
	c.request, c.token = c.proved(c.agent, c.seed)
	c.Pass(time.Second)
	c.Authorise(c.request.ID)
	c.Must(c.Do(gate.JobDispatch, c.request.ID))
	end := c.Now().Add(24 * time.Hour).Format(time.RFC3339)
	if v := into[object](c.get(c.path(""), as(c.agent)).ok(200)); v["probation_until"] != end {
		t.Errorf("the request says %v, want %s", v["probation_until"], end)
	}
	c.Invite(c.Person(gatetest.Wren), "Wren Ito", "", "security")
	wren := c.signIn(c.Person(gatetest.Wren))
	next := into[gate.View](c.post("/requests", object{"login": "moss", "action": "unlock", "channel": "phone"}, as(c.agent)).ok(201))
	a := c.get("/requests/"+next.ID+"/statement?decision=approval", as(wren)).no(403, "on_probation")
	if !strings.Contains(string(a.body), end) {
		t.Errorf("it does not say until when: %s", a.body)
	}
	c.get("/requests/"+next.ID+"/statement?decision=denial", as(wren)).ok(200)
}
