package console

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"countersign/internal/gate"
)

// operateRoutes are the pages of those who look after the server.
func (c *console) operateRoutes() map[string]staffHandler {
	routes := map[string]staffHandler{
		"GET /parts":         c.parts,
		"POST /parts":        c.partsTest,
		"POST /setup/policy": c.setupPolicy,
		"POST /setup/test":   c.setupTest,
	}
	maps.Copy(routes, c.rosterRoutes())
	return routes
}

// partsPage is everything that the server works with.
type partsPage struct {
	gate.PartsView
	Groups []partGroup
	Look   []gate.PartView // what somebody should look at
	Given  int             // jobs that were given up
	Result *partResult     // of the test that was just asked for
	Login  string          // that was looked up
}

type partGroup struct {
	Title string
	Hint  string
	Parts []gate.PartView
}

type partResult struct {
	gate.TestView
	Of gate.PartView
}

// groupWords are the sections of the page, in its order, and which parts stand
// in them.
var groupWords = []struct {
	title, hint string
	kinds       []gate.PartKind
}{
	{"Directories", "Where accounts are. They are only read from here; what changes them is the hands.", []gate.PartKind{gate.PartDirectory}},
	{"Channels", "How people are reached.", []gate.PartKind{gate.PartMail, gate.PartSMS, gate.PartVoice}},
	{"Others who are believed", "Providers whose word counts as proof, and the policy file of the operator.", []gate.PartKind{gate.PartProvider, gate.PartProofing, gate.PartPolicy}},
}

// missingWords say of each channel that is not configured what goes without it.
var missingWords = map[gate.PartKind]string{
	gate.PartMail:     "No mail server is configured (mail), so nobody hears of a request and no code is sent by mail.",
	gate.PartSMS:      "No gateway for text messages is configured (gateways).",
	gate.PartVoice:    "No gateway for spoken calls is configured (gateways).",
	gate.PartProvider: "No sign-in of the organisation is configured (oidc).",
}

var kindWords = map[gate.PartKind]string{
	gate.PartDirectory: "Directory", gate.PartMail: "Mail", gate.PartSMS: "Text messages", gate.PartVoice: "Spoken calls",
	gate.PartProvider: "Sign-in of the organisation", gate.PartProofing: "Identity proofing", gate.PartPolicy: "Policy file",
}

var kindIcons = map[gate.PartKind]string{
	gate.PartDirectory: "network", gate.PartMail: "mail", gate.PartSMS: "message-square", gate.PartVoice: "phone",
	gate.PartProvider: "globe", gate.PartProofing: "id-card", gate.PartPolicy: "scale",
}

var stateWords = map[gate.PartState]string{gate.PartOK: "works", gate.PartWarning: "look at it", gate.PartFailing: "does not work", gate.PartUnused: "not used yet"}

var stateIcons = map[gate.PartState]string{gate.PartOK: "circle-check", gate.PartWarning: "triangle-alert", gate.PartFailing: "circle-x", gate.PartUnused: "circle-dashed"}

var typeWords = map[string]string{"activedirectory": "Active Directory", "ldap": "LDAP", "local": "kept in Countersign's own store"}

var jobWords = map[string]string{
	gate.JobAuthorise: "Go ahead", gate.JobDispatch: "Change an account", gate.JobExpire: "End what ran out of time", gate.JobNotice: "Tell people",
	gate.JobLetter: "Send a letter", gate.JobFollowUp: "Follow-up", gate.JobSelf: "Help from the self-service page", gate.JobReport: "Report a caller",
}

// What templates ask of a part: its words and its picture.

func (partsPage) KindOf(p gate.PartView) string  { return say(kindWords, p.Kind) }
func (partsPage) Icon(p gate.PartView) string    { return kindIcons[p.Kind] }
func (partsPage) Missing(k gate.PartKind) string { return missingWords[k] }
func (partsPage) JobOf(kind string) string       { return or(jobWords[kind], plain(kind)) }
func (partsPage) Type(t string) string           { return or(typeWords[t], t) }

// May reports whether the visitor may test something.
func (p partsPage) May(test string) bool { return slices.Contains(p.Tests, test) }

// mailTest is where a test letter may go, and whom the form asks for it.
type mailTest struct {
	Action         string
	Self, Security bool
}

// MailTest is what the visitor may test of mail.
func (p partsPage) MailTest(action string) mailTest { return mailTestOf(p.Tests, action) }

func mailTestOf(tests []string, action string) mailTest {
	return mailTest{action, slices.Contains(tests, "mail/self"), slices.Contains(tests, "mail/security")}
}

// TestName is what a form calls the part.
func (partsPage) TestName(v gate.PartView) string { return testName(v) }

// Standing is whether an account can be used.
func (partsPage) Standing(a *gate.TestedAccount) string { return accountWords[string(a.Status)] }

var accountWords = map[string]string{"active": "active", "disabled": "disabled", "expired": "expired"}

// StateOf and StateIcon say how it stands.
func (partsPage) StateOf(s gate.PartState) string   { return say(stateWords, s) }
func (partsPage) StateIcon(s gate.PartState) string { return stateIcons[s] }

// Down reports whether something does not work at all.
func (p partsPage) Down() bool {
	return p.Given > 0 || p.Store.State == gate.PartFailing || slices.ContainsFunc(p.Look, func(v gate.PartView) bool { return v.State == gate.PartFailing })
}

// Room is a number of bytes for people.
func (partsPage) Room(bytes int64) string {
	switch {
	case bytes < 0:
		return ""
	case bytes < 1<<20:
		return fmt.Sprintf("%d KiB", bytes>>10)
	case bytes < 10<<30:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d GiB", bytes>>30)
}

// Clock is how far a part's clock is off; nil while it is not worth a word.
func (partsPage) Clock(p gate.PartView) *message {
	if p.Off == nil || max(*p.Off, -*p.Off) < 2000 {
		return nil
	}
	m := msg("%d seconds ahead of ours", *p.Off/1000)
	if *p.Off < 0 {
		m = msg("%d seconds behind ours", -*p.Off/1000)
	}
	return &m
}

// Sentence makes one of a failure's words.
func (partsPage) Sentence(words string) message { return failed(words) }

// failed is what the gate says of a part that failed, as a sentence. What is
// not on the list, such as the name of a file, stays as it is.
func failed(words string) message {
	if s := failureWords[words]; s != "" {
		return msg(s)
	}
	return verbatim(words + ".")
}

var failureWords = map[string]string{
	"its certificate is not trusted here, is for another name, or has lapsed": "Its certificate is not trusted here, is for another name, or has lapsed.",
	"it did not answer in time":                                                    "It did not answer in time.",
	"its name could not be found":                                                  "Its name could not be found.",
	"no connection to it could be made":                                            "No connection to it could be made.",
	"nothing listens at its address: is it running, and is the port right?":        "Nothing listens at its address. Is it running, and is the port right?",
	"it refused the service account: is its name or its password another one now?": "It refused the service account. Is its name or its password another one now?",
	"it refused a message or its address for good":                                 "It refused a message or its address for good.",
	"it answered, and did not take the message for now":                            "It answered, and did not take the message for now.",
	"it answered that it cannot serve now":                                         "It answered that it cannot serve now.",
	"it gave no answer that could be used":                                         "It gave no answer that could be used.",
	"it did not work; the log says more":                                           "It did not work. The log says more.",
	"it answered: there is no such account; is the search base right?":             "It answered that there is no such account. Is the search base right?",
	"it answered: more than one account has that name":                             "It answered that more than one account has that name.",
	"people bring its signed results themselves; this server never calls it":       "People bring its signed results themselves; this server never calls it.",
	"what is in force cannot be read (the log says more)":                          "What is in force cannot be read. The log says more.",
}

// parts shows how everything is.
func (c *console) parts(w http.ResponseWriter, r *http.Request, v visitor) error {
	return c.showParts(w, r, v, http.StatusOK, nil, "", nil)
}

func (c *console) showParts(w http.ResponseWriter, r *http.Request, v visitor, status int, result *gate.TestView, of string, alert *trouble) (err error) {
	p := partsPage{Login: r.PostForm.Get("login")}
	if p.PartsView, err = c.Gate.Parts(r.Context(), v.Caller); err != nil {
		return err
	}
	for _, g := range groupWords {
		group := partGroup{Title: g.title, Hint: g.hint}
		for _, kind := range g.kinds {
			group.Parts = append(group.Parts, p.of(kind)...)
		}
		p.Groups = append(p.Groups, group)
	}
	for _, one := range p.Parts {
		if one.State == gate.PartFailing || one.State == gate.PartWarning {
			p.Look = append(p.Look, one)
		}
		if result != nil && of == testName(one) {
			p.Result = &partResult{*result, one}
		}
	}
	for _, q := range p.Jobs {
		p.Given += q.GivenUp
	}
	return c.show(w, r, status, "parts", frame{Title: msg("Directories and channels"), Me: &v.Me, Here: "parts", Alert: alert, Body: p})
}

func testName(p gate.PartView) string {
	if p.Name == "" {
		return string(p.Kind)
	}
	return string(p.Kind) + "/" + p.Name
}

// of are the parts of a kind; where there is none that people would miss, one
// that says so.
func (p partsPage) of(kind gate.PartKind) (out []gate.PartView) {
	for _, one := range p.Parts {
		if one.Kind == kind {
			out = append(out, one)
		}
	}
	if len(out) == 0 && missingWords[kind] != "" {
		out = append(out, gate.PartView{Kind: kind})
	}
	return out
}

// partsTest tries a part out and shows what came of it above the others.
func (c *console) partsTest(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	var result gate.TestView
	var err error
	part := r.PostForm.Get("part")
	if name, ok := strings.CutPrefix(part, string(gate.PartDirectory)+"/"); ok {
		result, err = c.Gate.TestDirectory(r.Context(), v.Caller, name, strings.TrimSpace(r.PostForm.Get("login")))
	} else {
		result, err = c.Gate.TestMail(r.Context(), v.Caller, gate.MailTo(r.PostForm.Get("to")))
		part = string(gate.PartMail)
	}
	if t := slipped(err); t != nil {
		return c.showParts(w, r, v, t.Status, nil, "", t)
	}
	if err != nil {
		return err
	}
	return c.showParts(w, r, v, http.StatusOK, &result, part, nil)
}
