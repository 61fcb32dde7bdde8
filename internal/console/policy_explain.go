package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/identity"
)

type explainPage struct {
	Tab      string
	Form     url.Values
	Desks    []string
	Actions  []identity.Action
	Channels []identity.Channel
	Answer   *gate.PolicyAnswer
}

// Has reports whether a choice of the form is this one.
func (p explainPage) Has(field, value string) bool { return slices.Contains(p.Form[field], value) }

// Get is what stands in a field.
func (p explainPage) Get(field string) string { return p.Form.Get(field) }

// Floor is what refuses by the policy language itself: the desk, say.
func (explainPage) Floor(name string) string { return plain(strings.Trim(name, "()")) }

// policyExplain asks the policy about a request that somebody describes, or
// about a recorded one. It changes nothing and names nobody, so it is an
// address that can be kept and sent.
func (c *console) policyExplain(w http.ResponseWriter, r *http.Request, v visitor) error {
	view, err := c.Gate.Policy(r.Context(), v.Caller, "")
	if err != nil {
		return err
	}
	p := explainPage{Tab: "explain", Form: r.URL.Query(), Actions: identity.Actions, Channels: identity.IntakeChannels}
	for _, d := range view.Desks {
		if d.Kind == "desk" {
			p.Desks = append(p.Desks, d.Name)
		}
	}
	if len(p.Form) == 0 {
		return c.showPolicy(w, r, v, http.StatusOK, "policy_explain", msg("Ask the policy"), p, nil)
	}
	ask := gate.PolicyAsk{Request: strings.TrimSpace(p.Form.Get("request")), Less: p.Form.Get("less") != ""}
	if ask.Request == "" {
		ask.Given = describedBy(p.Form)
	}
	a, err := c.Gate.ExplainPolicy(r.Context(), v.Caller, ask)
	if err != nil {
		said := slip(err)
		if said == nil {
			return err
		}
		return c.showPolicy(w, r, v, said.Status, "policy_explain", msg("Ask the policy"), p, said)
	}
	p.Answer = &a
	return c.showPolicy(w, r, v, http.StatusOK, "policy_explain", msg("Ask the policy"), p, nil)
}

// describedBy writes a form's facts as the policy language does; what somebody
// wrote in the language themselves comes before all fields.
func describedBy(form url.Values) string {
	if given := strings.TrimSpace(form.Get("given")); given != "" {
		return given
	}
	text := func(field string) string {
		s := strings.TrimSpace(form.Get(field))
		if s == "" {
			return ""
		}
		raw, _ := json.Marshal(s) // a text always can be
		return string(raw)
	}
	var subject, agent, request, all []string
	fact := func(of *[]string, name, value string) {
		if value != "" {
			*of = append(*of, name+": "+value)
		}
	}
	fact(&all, "at", text("at"))
	fact(&all, "action", text("action"))
	fact(&subject, "unit", text("unit"))
	fact(&subject, "location", text("location"))
	fact(&subject, "groups", listOf(form.Get("groups")))
	if admin := form.Get("admin"); slices.Contains([]string{"true", "false", "unknown"}, admin) {
		fact(&subject, "admin", admin)
	}
	if form.Get("service") != "" {
		fact(&subject, "service", "true")
	}
	if form.Get("manager") == "none" {
		fact(&subject, "manager", "none")
	}
	fact(&agent, "desk", text("desk"))
	fact(&request, "channel", text("channel"))
	fact(&request, "ticket", text("ticket"))
	if kind := text("signal"); kind != "" {
		fact(&all, "signals", "[{kind: "+kind+", ago: 1h}]")
	}
	if past := text("past"); past != "" {
		fact(&all, "history", "[{action: "+past+", ago: "+hours(form.Get("ago"))+"}]")
	}
	if country := text("country"); country != "" {
		fact(&all, "location", "{country: "+country+"}")
	}
	for _, of := range []struct {
		name  string
		facts []string
	}{{"subject", subject}, {"agent", agent}, {"request", request}} {
		if len(of.facts) > 0 {
			fact(&all, of.name, "{"+strings.Join(of.facts, ", ")+"}")
		}
	}
	return "{" + strings.Join(all, ", ") + "}"
}

func listOf(text string) string {
	var out []string
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			raw, _ := json.Marshal(one)
			out = append(out, string(raw))
		}
	}
	if out == nil {
		return ""
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func hours(text string) string {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 12)
	if err != nil {
		n = 2
	}
	return strconv.FormatUint(n, 10) + "h"
}
