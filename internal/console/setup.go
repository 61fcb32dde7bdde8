package console

import (
	"net/http"
	"slices"

	"countersign/internal/gate"
)

// setupOpenPage is what anybody may know of a server that is not founded yet:
// that, and what to do about it. It names nobody and nothing.
type setupOpenPage struct{}

// unfounded shows that page where the roster does not stand, and reports
// whether it did.
func (c *console) unfounded(w http.ResponseWriter, r *http.Request) (bool, error) {
	founded, err := c.Gate.Founded(r.Context())
	if err != nil || founded {
		return false, err
	}
	return true, c.show(w, r, http.StatusOK, "setup_open", frame{Title: msg("Not set up yet"), Body: setupOpenPage{}})
}

// setup is for anybody before the roster is founded, and afterwards for those
// with oversight.
func (c *console) setup(w http.ResponseWriter, r *http.Request) error {
	if shown, err := c.unfounded(w, r); shown || err != nil {
		return err
	}
	return c.staff(c.setupShow)(w, r)
}

// setupPage is the way from an empty server to the first reset.
type setupPage struct {
	gate.SetupView
	Me      gate.Me
	Ready   []readyPolicy
	Officer bool
	Tests   []string // what the visitor may test
	Left    int
}

// readyPolicy is a ready-made policy to begin with.
type readyPolicy struct{ Name, When, Adds string }

// startWords say when to start from a ready-made policy, as policies/README.md
// does, and addWords what it adds to the starter.
var (
	startWords = map[string]string{
		"starter":         "You are small, or want to see it work first.",
		"nist-800-63b-4":  "An auditor will hold you against SP 800-63B-4.",
		"outsourced-desk": "A vendor answers the telephone, by night or always.",
		"finance":         "People here can pay somebody.",
		"healthcare":      "People work in shifts and somebody waits for them.",
	}
	addWords = map[string]string{
		"nist-800-63b-4":  "Recovery at AAL2 and AAL3 section by section, binding, proofing at IAL3, and accounts that were never proofed.",
		"outsourced-desk": "A reach and a cap for the vendor as a whole, the clock of the people it serves, and a second look at whom it asked about before.",
		"finance":         "Four eyes and probation for payroll and treasury, days on which payments run, executives abroad, contractors, and people without a manager.",
		"healthcare":      "Passes for a shift, a duty manager instead of a sleeping one, shared accounts, clinicians on call, and a narrow path in an emergency.",
	}
)

// Step is one step by its name.
func (p setupPage) Step(name gate.SetupStep) gate.SetupStepView {
	i := slices.IndexFunc(p.Steps, func(s gate.SetupStepView) bool { return s.Step == name })
	return p.Steps[i]
}

// Next reports whether the step is the first that is not done.
func (p setupPage) Next(name gate.SetupStep) bool {
	i := slices.IndexFunc(p.Steps, func(s gate.SetupStepView) bool { return !s.Done })
	return i >= 0 && p.Steps[i].Step == name
}

// Tester reports whether the visitor may test anything, MailTest what of mail.
func (p setupPage) Tester() bool       { return len(p.Tests) > 0 }
func (p setupPage) MailTest() mailTest { return mailTestOf(p.Tests, "/setup/test") }

// Adrift: there is nowhere to send a test letter.
func (p setupPage) Adrift() bool {
	m := p.MailTest()
	return p.Tester() && !m.Self && !m.Security
}

// Sentence makes one of a failure's words.
func (setupPage) Sentence(words string) message { return failed(words) }

func (c *console) setupShow(w http.ResponseWriter, r *http.Request, v visitor) error {
	return c.showSetup(w, r, v, http.StatusOK, nil)
}

func (c *console) showSetup(w http.ResponseWriter, r *http.Request, v visitor, status int, alert *trouble) (err error) {
	p := setupPage{Me: v.Me, Officer: mayPropose(v.Me), Tests: c.Gate.Testable(r.Context(), v.Caller)}
	if p.SetupView, err = c.Gate.Setup(r.Context(), v.Caller); err != nil {
		return err
	}
	for _, s := range p.Steps {
		if !s.Done {
			p.Left++
		}
	}
	for _, one := range c.Gate.ReadyPolicies() {
		p.Ready = append(p.Ready, readyPolicy{one.Name, startWords[one.Name], addWords[one.Name]})
	}
	return c.show(w, r, status, "setup", frame{Title: msg("First steps"), Me: &v.Me, Here: "setup", Alert: alert, Body: p})
}

// setupPolicy opens a ready-made policy in the editor. From there it goes the
// way of every policy: looked at, proposed, signed by two.
func (c *console) setupPolicy(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	text, err := c.Gate.ReadyPolicy(r.Context(), v.Caller, r.PostForm.Get("policy"))
	if t := slipped(err); t != nil {
		return c.showSetup(w, r, v, t.Status, t)
	}
	if err != nil {
		return err
	}
	return c.checked(w, r, v, text, nil)
}

// setupTest tries a directory or the mail server out, and stays on the page.
func (c *console) setupTest(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	var err error
	step := gate.StepMail
	if name := r.PostForm.Get("directory"); name != "" {
		step = gate.StepDirectory
		_, err = c.Gate.TestDirectory(r.Context(), v.Caller, name, r.PostForm.Get("login"))
	} else {
		_, err = c.Gate.TestMail(r.Context(), v.Caller, gate.MailTo(r.PostForm.Get("to")))
	}
	if t := slipped(err); t != nil {
		return c.showSetup(w, r, v, t.Status, t)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/setup#"+string(step), http.StatusSeeOther)
	return nil
}

// withoutSetup takes the first steps out of the navigation once they are done.
func (c *console) withoutSetup(r *http.Request, all []section) []section {
	if !slices.ContainsFunc(all, func(s section) bool { return slices.ContainsFunc(s.Entries, isSetup) }) || !c.Gate.SetupDone(r.Context()) {
		return all
	}
	for i := range all {
		all[i].Entries = slices.DeleteFunc(all[i].Entries, isSetup)
	}
	return all
}

func isSetup(e entry) bool { return e.Name == "setup" }
