package scenario

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"countersign/internal/client"
	"countersign/internal/identity"
	"countersign/internal/proof/device"
	"countersign/internal/softkey"
	"countersign/internal/statement"
)

// What people prove themselves by that is more than a code: passkeys, devices,
// witnesses, a provider of proofing. The calls are those of a browser.

// prompt is what somebody sees who was challenged.
type prompt struct {
	Challenge string              `json:"challenge"`
	Method    string              `json:"method"`
	Statement statement.Statement `json:"statement"`
	Options   json.RawMessage     `json:"options"`
	Code      string              `json:"code"`
}

// answer is what goes back: a text, or what a browser makes of a passkey.
type answer struct {
	Answer    string          `json:"answer,omitempty"`
	Assertion json.RawMessage `json:"assertion,omitempty"`
}

func (p *play) challenge(api client.Client, method string) (out prompt, err error) {
	err = api.Do(p.ctx, http.MethodPost, "/case/challenges", map[string]any{"method": method}, &out)
	return out, err
}

func (p *play) reply(api client.Client, challenge string, a answer) error {
	return api.Do(p.ctx, http.MethodPost, "/case/challenges/"+challenge+"/answer", a, nil)
}

// holds is how somebody answers a challenge with what they hold, not know.
// They sign the statement they were shown.
func (p *play) holds(w *person, c *claim) (answer, error) {
	switch c.method {
	case "passkey":
		if w.passkey == nil {
			return answer{}, fmt.Errorf("%s has no passkey", w.name)
		}
		return p.signed(*w.passkey, c.prompt.Statement)
	case "device":
		if w.device == nil {
			return answer{}, fmt.Errorf("%s has no managed device", w.name)
		}
		text, err := device.Sign(rand.Reader, w.device, []byte(c.prompt.Statement))
		return answer{Answer: text}, err
	case "idv":
		text, err := p.world.proofed(w.name+"-17", c.challenge, p.clock.now())
		return answer{Answer: text}, err
	}
	text, err := p.knows(w, c.method, c.about)
	return answer{Answer: text}, err
}

func (p *play) signed(k softkey.Key, text statement.Statement) (answer, error) {
	made, err := k.Assert("countersign.example.org", baseURL, text.Challenge())
	return answer{Assertion: made}, err
}

// fakes is an answer of the right form that nobody but an impostor could give.
func (p *play) fakes(c *claim) (answer, error) {
	switch c.method {
	case "passkey":
		return p.signed(softkey.New(rand.Reader), c.prompt.Statement)
	case "device":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return answer{}, err
		}
		text, err := device.Sign(rand.Reader, key, []byte(c.prompt.Statement))
		return answer{Answer: text}, err
	case "idv":
		text, err := p.world.proofed("somebody-else", c.challenge, p.clock.now())
		return answer{Answer: text}, err
	}
	text, err := p.guess(c.method)
	return answer{Answer: text}, err
}

// owner is somebody's way to the security of their own account: by their
// passkey, or, before they have one, by a first enrolment.
func (p *play) owner(w *person, part string) (client.Client, error) {
	api, err := p.nobody(w, part)
	if err == nil && w.kept != "" {
		return api.As(w.kept), nil
	}
	if err != nil || w.passkey == nil {
		return api, errors.Join(err, errNoPasskey)
	}
	var begun struct {
		Ceremony string          `json:"ceremony"`
		Options  json.RawMessage `json:"options"`
	}
	if err := api.Do(p.ctx, http.MethodPost, "/security/sign-in/begin", nil, &begun); err != nil {
		return api, err
	}
	made, err := w.passkey.AssertOptions(baseURL, begun.Options)
	if err != nil {
		return api, err
	}
	var out struct {
		Token string `json:"token"`
	}
	in := map[string]any{"ceremony": begun.Ceremony, "response": json.RawMessage(made)}
	err = api.Do(p.ctx, http.MethodPost, "/security/sign-in/finish", in, &out)
	p.keep("the owner's session of "+w.name, out.Token)
	if w.stays {
		w.kept = out.Token
	}
	return api.As(out.Token), err
}

var errNoPasskey = errors.New("there is no passkey to sign in with")

// enrolFirst has somebody's first passkey registered as it is done on a first
// day: they come to a proofing officer, their manager or security signs, and
// they go on to register it.
func (p *play) enrolFirst(w *person) error {
	api, err := p.integration("onboarding", setUp, "enrolments:write", "requests:open", "requests:read")
	if err != nil {
		return err
	}
	r, err := api.Open(p.ctx, client.Wish{Login: w.name, Action: identity.InitialEnrolment, Channel: identity.WalkIn})
	if err != nil {
		return fmt.Errorf("the first enrolment of %s: %w", w.name, err)
	}
	t := &ticket{r.ID, r.Case, w.name}
	p.requests["first"] = t
	defer delete(p.requests, "first")
	if err := claims(p, args{"WHO": w.name, "REQUEST": "first"}); err != nil {
		return err
	}
	if err := asks(p, args{"WHO": w.name, "REQUEST": "first", "METHOD": "in_person"}); err != nil {
		return err
	}
	if err := p.attests(p.person(officer), w, "first", "passport"); err != nil {
		return err
	}
	if err := p.signedOff(w, "first"); err != nil {
		return err
	}
	return p.goesOn(w, "first")
}

// Those who are there when things are set up.
const officer = "proofing-at-set-up"

var duty = []string{"security-at-set-up", "security-too-at-set-up"}

// signedOff has a request signed by whoever its plan asks for, and waits as
// long as it says.
func (p *play) signedOff(w *person, request string) error {
	r, err := p.stands(request)
	if err != nil {
		return err
	}
	for _, n := range r.Needs {
		who := []string{w.manager}
		if n.Role == identity.Security {
			who = duty[:n.Count]
		}
		for _, name := range who {
			if err := signs("approval")(p, args{"STAFF": name, "REQUEST": request}); err != nil {
				return err
			}
		}
	}
	if r, err = p.stands(request); err != nil || r.WaitUntil == nil {
		return err
	}
	p.clock.move(r.WaitUntil.Sub(p.clock.now()) + step)
	return p.quiet()
}

// goesOn turns a first enrolment that was granted into a passkey.
func (p *play) goesOn(w *person, request string) error {
	api, _, err := p.claimant(w.name, request)
	if err != nil {
		return err
	}
	var out struct {
		Token string `json:"token"`
	}
	if err := api.Do(p.ctx, http.MethodPost, "/case/enrolment", map[string]any{}, &out); err != nil {
		return err
	}
	p.keep("the owner's session of "+w.name, out.Token)
	return p.addPasskey(api.As(out.Token), w)
}

func (p *play) addPasskey(api client.Client, w *person) error {
	var begun struct {
		Enrolment string          `json:"enrolment"`
		Options   json.RawMessage `json:"options"`
	}
	if err := api.Do(p.ctx, http.MethodPost, "/security/passkeys", map[string]any{"label": "laptop"}, &begun); err != nil {
		return err
	}
	k := softkey.New(rand.Reader)
	made, err := k.RegisterOptions(baseURL, begun.Options)
	if err != nil {
		return err
	}
	err = api.Do(p.ctx, http.MethodPost, "/security/passkeys/"+begun.Enrolment, map[string]any{"response": json.RawMessage(made)}, nil)
	if err == nil {
		w.passkey = &k
	}
	return err
}

// attests is a proofing officer who has seen somebody and a document of theirs.
func (p *play) attests(by, whom *person, request, document string) error {
	t, err := p.request(request)
	if err != nil {
		return err
	}
	api, err := p.office(by, asStaff)
	if err != nil {
		return err
	}
	c := whom.cases[request]
	if c == nil {
		return fmt.Errorf("%s has not come forward", whom.name)
	}
	in := map[string]any{"case": t.code, "code": c.prompt.Code, "document": document}
	var paper struct {
		Statement statement.Statement `json:"statement"`
	}
	if err := api.Do(p.ctx, http.MethodPost, "/proofings/statement", in, &paper); err != nil {
		return err
	}
	made, err := by.key.Assert("countersign.example.org", baseURL, paper.Statement.Challenge())
	if err != nil {
		return err
	}
	in["assertion"] = json.RawMessage(made)
	return api.Do(p.ctx, http.MethodPost, "/proofings", in, nil)
}

var vouchLink = regexp.MustCompile(`/vouch/(\S+)`)

// vouches follows the newest link that came to somebody, types the code that
// the requester tells them, and signs.
func (p *play) vouches(by, whom *person, request, code string) error {
	api, token, err := p.vouching(by, request)
	if err != nil {
		return err
	}
	if code == "" && whom.cases[request] != nil {
		code = whom.cases[request].prompt.Code
	}
	var paper struct {
		Statement statement.Statement `json:"statement"`
	}
	in := map[string]any{"token": token, "code": code}
	if err := api.Do(p.ctx, http.MethodPost, "/vouches/statement", in, &paper); err != nil {
		return err
	}
	key := by.key
	if by.passkey != nil {
		key = *by.passkey
	}
	made, err := key.Assert("countersign.example.org", baseURL, paper.Statement.Challenge())
	if err != nil {
		return err
	}
	in["assertion"] = json.RawMessage(made)
	return api.Do(p.ctx, http.MethodPost, "/vouches", in, nil)
}

func (p *play) vouching(by *person, request string) (client.Client, string, error) {
	t, err := p.request(request)
	if err != nil {
		return client.Client{}, "", err
	}
	letters, err := p.letters(by, t.code)
	if err != nil {
		return client.Client{}, "", err
	}
	for _, m := range slices.Backward(letters) {
		if found := vouchLink.FindStringSubmatch(m.Text); found != nil {
			api, err := p.nobody(by, asPerson)
			return api, found[1], err
		}
	}
	return client.Client{}, "", fmt.Errorf("nobody has asked %s to vouch", by.name)
}

// newDevice makes a managed device's key, and its public half for whoever
// manages devices.
func (w *person) newDevice() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	w.device = key
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

// register begins something in somebody's own session and confirms it with the
// code that came.
func (p *play) register(w *person, method, address string) error {
	api, err := p.owner(w, asPerson)
	if err != nil {
		return err
	}
	var begun struct {
		Enrolment string `json:"enrolment"`
	}
	if err := api.Do(p.ctx, http.MethodPost, "/security/addresses", map[string]any{"method": method, "address": address}, &begun); err != nil {
		return err
	}
	if err := p.quiet(); err != nil {
		return err
	}
	code := ""
	for _, m := range p.inbox.To(address) {
		if found := digits.FindStringSubmatch(m.Text); found != nil && strings.Contains(m.Subject, "confirm") {
			code = found[1]
		}
	}
	for _, m := range p.world.phones.To(address) {
		if found := spoken.FindString(m.Text); found != "" {
			code = found
		}
	}
	return api.Do(p.ctx, http.MethodPost, "/security/begun/"+begun.Enrolment, map[string]any{"code": code}, nil)
}

// spoken is a code in a text message, or as a voice reads it.
var spoken = regexp.MustCompile(`\b\d{4} ?\d{4}\b|\b\d(?:[ ,.]+\d){7}\b`)
