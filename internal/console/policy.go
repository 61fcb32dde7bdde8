package console

import (
	"net/http"
	"slices"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/identity"
)

// maxPolicyForm is room for two policies as a form sends them.
const maxPolicyForm = 2 << 20

// wide is open for forms that hold a policy.
func (c *console) wide(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxPolicyForm)
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	})
}

func (c *console) policyRoutes() map[string]staffHandler {
	return map[string]staffHandler{
		"GET /policy":          c.policy,
		"GET /policy/explain":  c.policyExplain,
		"GET /policy/tests":    c.policyTestsAsk,
		"POST /policy/tests":   c.policyTests,
		"GET /policy/prove":    c.policyProve,
		"POST /policy/prove":   c.policyProve,
		"GET /policy/diff":     c.policyDiff,
		"GET /policy/edit":     c.policyEdit,
		"POST /policy/edit":    c.policyEdited,
		"POST /policy/propose": c.policyPropose,
	}
}

type policyPage struct {
	gate.PolicyView
	Tab   string
	Lines []numbered
	Kinds []named // what it names, by kind
	Was   bool    // it is no longer in force
}

type numbered struct {
	Number int
	Text   string
}

type named struct {
	Kind  string
	Names []gate.PolicyName
}

// policy shows the policy in force, or an earlier one: its rules as cards, and
// the text with the numbers of its lines.
func (c *console) policy(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := policyPage{Tab: "view"}
	var err error
	if p.PolicyView, err = c.Gate.Policy(r.Context(), v.Caller, r.URL.Query().Get("policy")); err != nil {
		return err
	}
	p.Was = p.Until != nil
	for i, text := range strings.Split(strings.TrimSuffix(p.Text, "\n"), "\n") {
		p.Lines = append(p.Lines, numbered{i + 1, text})
	}
	for _, kind := range []string{"list", "condition"} {
		of := slices.DeleteFunc(slices.Clone(p.Names), func(n gate.PolicyName) bool { return n.Kind != kind })
		if len(of) > 0 {
			p.Kinds = append(p.Kinds, named{kind, of})
		}
	}
	return c.showPolicy(w, r, v, http.StatusOK, "policy", msg("Policy"), p, nil)
}

func (c *console) showPolicy(w http.ResponseWriter, r *http.Request, v visitor, status int, page string, title message, body any, alert *trouble) error {
	return c.show(w, r, status, page, frame{Title: title, Me: &v.Me, Here: "policy", Alert: alert, Body: body})
}

// slip is what was wrong with a text that somebody typed, said on their own
// page; anything else is not for this page to say.
func slip(err error) *trouble {
	switch code, text := refusal(err); code {
	case "invalid", "roster_refused":
		return &trouble{http.StatusUnprocessableEntity, msg("That cannot be done as it stands"), verbatim(sentence(strings.TrimSuffix(text, ".")))}
	case "policy_eases":
		return &trouble{http.StatusUnprocessableEntity, msg("It asks less, and does not say so"), msg("Nothing was proposed. Below is what it would ask less of, and where to say why.")}
	case "request_timeout":
		return &trouble{http.StatusServiceUnavailable, msg("That took too long"), verbatim(sentence(text))}
	case "busy", "conflict":
		return &trouble{http.StatusServiceUnavailable, msg("That could not be done now"), msg("A policy of yours is still being looked at, or several of others are. Try again in a few seconds.")}
	}
	return nil
}

func mayPropose(me gate.Me) bool { return slices.Contains(me.Roles, identity.Officer) }
