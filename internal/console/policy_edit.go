package console

import (
	"net/http"
	"strings"

	"countersign/internal/gate"
)

type policyEditPage struct {
	Tab     string
	Text    string
	Base    string // hash of the policy that was in force when writing began
	InForce string
	Fresh   bool // nothing has been written yet
	Check   *gate.PolicyCheck
}

// Stale reports whether another policy came into force meanwhile.
func (p policyEditPage) Stale() bool { return p.Base != p.InForce }

// policyEdit puts the policy in force into an editor.
func (c *console) policyEdit(w http.ResponseWriter, r *http.Request, v visitor) error {
	view, err := c.Gate.Policy(r.Context(), v.Caller, "")
	if err != nil {
		return err
	}
	p := policyEditPage{Tab: "edit", Text: view.Text, Base: view.Policy, InForce: view.Policy, Fresh: true}
	return c.showPolicy(w, r, v, http.StatusOK, "policy_edit", msg("Write a policy"), p, nil)
}

// policyEdited checks what was written and, where that was asked for and
// nothing keeps it from loading, goes on to what it would change.
func (c *console) policyEdited(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	text := lines(r.PostForm.Get("policy_text"))
	if r.PostForm.Get("step") == "acknowledge" {
		text = acknowledging(text, lines(r.PostForm.Get("acknowledgement")), r.PostForm.Get("because"))
	}
	if r.PostForm.Get("step") == "check" || r.PostForm.Get("step") == "edit" {
		return c.checked(w, r, v, text, nil)
	}
	return c.review(w, r, v, text, nil)
}

// checked shows the editor again, with what is wrong.
func (c *console) checked(w http.ResponseWriter, r *http.Request, v visitor, text string, said *trouble) error {
	check, err := c.Gate.CheckPolicy(r.Context(), v.Caller, text)
	if err != nil {
		if said = slip(err); said == nil {
			return err
		}
		view, err := c.Gate.Policy(r.Context(), v.Caller, "")
		if err != nil {
			return err
		}
		check.InForce = view.Policy
	}
	p := policyEditPage{Tab: "edit", Text: text, Base: r.PostForm.Get("base"), InForce: check.InForce}
	status := http.StatusOK
	if said == nil {
		p.Check = &check
	} else {
		status = said.Status
	}
	return c.showPolicy(w, r, v, status, "policy_edit", msg("Write a policy"), p, said)
}

// lines gives a text the line ends that it had before a form changed them.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// acknowledging writes into a policy that it means to ask less, and why, in
// place of what it acknowledged before.
func acknowledging(text, acknowledgement, because string) string {
	var b strings.Builder
	within := false
	for line := range strings.Lines(text) {
		if line[0] != ' ' && line[0] != '#' && line[0] != '\n' {
			within = strings.HasPrefix(line, "eases:")
		}
		if !within {
			b.WriteString(line)
		}
	}
	out := b.String()
	if out != "" && !strings.HasSuffix(out, "\n") {
		out += "\n"
	}
	for line := range strings.Lines(acknowledgement) {
		if strings.HasPrefix(strings.TrimSpace(line), "because:") {
			line = "  because: " + quotedYAML(because) + "\n"
		}
		out += line
	}
	return out
}

// quotedYAML is a text between single quotes, on one line.
func quotedYAML(s string) string {
	return "'" + strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "'", "''") + "'"
}
