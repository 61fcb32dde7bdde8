package rest_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
)

func TestBadInputIsRefusedByItsName(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	const good = `"login":"wren","action":"unlock","channel":"phone"`
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"nothing", ``, 400, "invalid"},
		{"a list", `[]`, 400, "malformed_body"},
		{"null", `null`, 400, "malformed_body"},
		{"text", `"wren"`, 400, "malformed_body"},
		{"half an object", `{"login":`, 400, "malformed_body"},
		{"something after it", `{` + good + `} {}`, 400, "malformed_body"},
		{"not UTF-8", "{\"login\":\"wr\xffen\",\"action\":\"unlock\",\"channel\":\"phone\"}", 400, "malformed_body"},
		{"a member twice", `{` + good + `,"login":"moss"}`, 400, "malformed_body"},
		{"a member twice, spelled with an escape", `{` + good + `,"log\u0069n":"moss"}`, 400, "malformed_body"},
		{"a member twice, in capitals", `{` + good + `,"Login":"moss"}`, 400, "unknown_field"},
		{"a member in capitals", `{"LOGIN":"wren","action":"unlock","channel":"phone"}`, 400, "unknown_field"},
		{"a deep nest", `{` + good + `,"ticket":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `}`, 400, "malformed_body"},
		{"a tier", `{` + good + `,"tier":"low"}`, 400, "unknown_field"},
		{"a class", `{` + good + `,"class":"standard"}`, 400, "unknown_field"},
		{"a state", `{` + good + `,"state":"ready"}`, 400, "unknown_field"},
		{"a destination", `{` + good + `,"destination":"me@evil.example"}`, 400, "unknown_field"},
		{"an urgency", `{` + good + `,"urgency":"critical"}`, 400, "unknown_field"},
		{"a requester", `{` + good + `,"requester":"staff:finch"}`, 400, "unknown_field"},
		{"an empty name", `{` + good + `,"":1}`, 400, "unknown_field"},
		{"no login", `{"action":"unlock","channel":"phone"}`, 400, "invalid"},
		{"a number for a login", `{"login":7,"action":"unlock","channel":"phone"}`, 400, "invalid"},
		{"null for a login", `{"login":null,"action":"unlock","channel":"phone"}`, 400, "invalid"},
		{"an empty login", `{"login":"","action":"unlock","channel":"phone"}`, 400, "invalid"},
		{"a login that turns around", `{"login":"wren\u202e","action":"unlock","channel":"phone"}`, 400, "invalid"},
		{"an invisible ticket", `{` + good + `,"ticket":"INC\u200b7"}`, 400, "invalid"},
		{"a ticket of two lines", `{` + good + `,"ticket":"INC\n7"}`, 400, "invalid"},
		{"a long ticket", `{` + good + `,"ticket":"` + strings.Repeat("7", 101) + `"}`, 400, "invalid"},
		{"an action that is none", `{"login":"wren","action":"promote","channel":"phone"}`, 400, "invalid"},
		{"an action the directory lacks", `{"login":"wren","action":"access_pass","channel":"phone"}`, 400, "invalid"},
		{"a proof's channel", `{"login":"wren","action":"unlock","channel":"app"}`, 400, "invalid"},
		{"a directory that is none", `{` + good + `,"directory":"nowhere"}`, 400, "invalid"},
		{"too much", `{"login":"` + strings.Repeat("w", 64<<10) + `"}`, 413, "too_large"},
	} {
		a := s.post("/requests", c.body, as(agent))
		if t.Logf("%s: %s", c.name, a.body); a.code != c.status {
			t.Errorf("%s: %d", c.name, a.code)
		}
		a.no(c.status, c.code)
	}
	if got := into[struct{ Requests []gate.Summary }](s.get("/requests", as(agent)).ok(200)); len(got.Requests) != 0 {
		t.Errorf("bad input opened %+v", got)
	}
}

func TestOnlyJSONIsRead(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	const body = `{"login":"wren","action":"unlock","channel":"phone"}`
	kind := func(types ...string) with {
		return func(r *http.Request) { r.Header["Content-Type"] = types }
	}
	for _, types := range [][]string{nil, {""}, {"text/plain"}, {"application/x-www-form-urlencoded"}, {"application/json; charset=latin1"}, {"application/json", "text/plain"}, {"application/problem+json"}, {"multipart/form-data; boundary=x"}} {
		s.post("/requests", body, as(agent), kind(types...)).no(415, "unsupported_media_type")
	}
	s.post("/requests", body, as(agent), kind(`Application/JSON; charset="UTF-8"`)).ok(201)
}

func TestAnswersNeverRepeatWhatWasSent(t *testing.T) {
	s := open(t, gatetest.Policy)
	const canary = "SECRET-CANARY-7777"
	for path, body := range map[string]object{
		"/case/challenges/x/answer": {"answer": []string{canary}},
		"/join/begin":               {"token": object{"a": canary}},
		"/sign-in/finish":           {"ceremony": canary, "response": canary},
		"/cases/claim":              {"case": canary + strings.Repeat("!", 40), "as": canary},
		"/repudiations":             {"token": []string{canary}},
	} {
		a := s.post(path, body, as("AGE-SECRET-KEY-1X"))
		if a.code < 400 || bytes.Contains(a.body, []byte(canary)) {
			t.Errorf("%s: %d %s", path, a.code, a.body)
		}
	}
	s.get("/cases/"+canary+"?case="+canary).no(404, "not_found")
	s.send(canary, "/api/v1/me", nil)
	s.NoSecret(canary)
}

func TestQueriesAreHeldToTheContract(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	for query, code := range map[string]string{
		"limit=0": "invalid", "limit=101": "invalid", "limit=ten": "invalid", "status=lost": "invalid", "action=promote": "invalid",
		"cursor=req_'%20or%201=1": "invalid", "mine=perhaps": "invalid", "tier=low": "unknown_field",
	} {
		s.get("/requests?"+query, as(agent)).no(400, code)
	}
	s.get("/requests/req_x/statement", as(agent)).no(400, "invalid")
	s.get("/requests/req_x/statement?decision=maybe", as(agent)).no(400, "invalid")
}

func TestPagesFollowEachOther(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	var want []string
	for range 5 {
		v := into[gate.View](s.post("/requests", wish(), as(agent)).ok(201))
		want = append([]string{v.ID}, want...)
		s.Pass(1e9)
	}
	var got []string
	type page struct {
		Requests []gate.Summary
		Next     string
	}
	for query := "?limit=2"; ; {
		p := into[page](s.get("/requests"+query, as(agent)).ok(200))
		for _, r := range p.Requests {
			got = append(got, r.ID)
		}
		if p.Next == "" {
			break
		}
		query = "?limit=2&cursor=" + p.Next
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("pages hold %v, want %v", got, want)
	}
	if p := into[page](s.get("/requests?status=done,denied", as(agent)).ok(200)); len(p.Requests) != 0 {
		t.Errorf("done or denied: %+v", p)
	}
	if p := into[page](s.get("/requests?status=proving,denied&action=password_reset", as(agent)).ok(200)); len(p.Requests) != 5 {
		t.Errorf("proving: %+v", p)
	}
}
