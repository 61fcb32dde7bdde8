package scenario

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/notify/notifytest"
	"countersign/internal/proof/recoverycode"
	"countersign/internal/proof/totp"
)

// keep notes a secret, which the oracle looks for where it must not be.
func (p *play) keep(what, text string) {
	if text != "" {
		p.secrets = append(p.secrets, secret{what, text})
	}
}

// nobody is somebody's way to the server without any credential.
func (p *play) nobody(w *person, part string) (client.Client, error) {
	c, err := client.New(baseURL)
	return c.Through(p.record.as(w.name, part)), err
}

// office is somebody's way as staff. Sessions end, so they sign in again now
// and then.
func (p *play) office(w *person, part string) (client.Client, error) {
	if len(w.roles) == 0 {
		return client.Client{}, fmt.Errorf("%s does not work here", w.name)
	}
	now := p.clock.now()
	if w.signedIn.IsZero() || now.Sub(w.signedIn) > 5*time.Minute {
		nobody, err := p.nobody(w, setUp)
		if err != nil {
			return nobody, err
		}
		session, err := nobody.SignIn(p.ctx, w.key)
		if err != nil {
			return nobody, err
		}
		p.keep("the session of "+w.name, session.Token)
		w.staff, w.signedIn = nobody.As(session.Token), now
	}
	return w.staff.Through(p.record.as(w.name, part)), nil
}

// integration is the way of a program with an API token.
func (p *play) integration(name, part string, scopes ...string) (client.Client, error) {
	w := p.person("system " + name)
	key := name + " " + strings.Join(scopes, " ")
	if p.tokens[key] == "" {
		olive, err := p.office(p.person("olive"), setUp)
		if err != nil {
			return olive, err
		}
		paper, err := olive.TokenPaper(p.ctx, fmt.Sprintf("%s-%d", name, len(p.tokens)), scopes, 366)
		if err != nil {
			return olive, err
		}
		token, err := olive.CreateToken(p.ctx, paper, p.person("olive").key)
		if err != nil {
			return olive, err
		}
		p.keep("the token of "+name, token)
		p.tokens[key] = token
	}
	c, err := p.nobody(w, part)
	return c.As(p.tokens[key]), err
}

// claimant is somebody's way with the session they came forward in.
func (p *play) claimant(who, request string) (client.Client, *claim, error) {
	w := p.person(who)
	c := w.cases[request]
	if c == nil {
		return client.Client{}, nil, fmt.Errorf("%s has not come forward", who)
	}
	api, err := p.nobody(w, asPerson)
	return api.As(c.token), c, err
}

func (p *play) request(name string) (*ticket, error) {
	if r := p.requests[name]; r != nil {
		return r, nil
	}
	return nil, errors.New("no request has been opened")
}

// stands is a request as oversight sees it now that nothing is under way.
func (p *play) stands(name string) (client.Request, error) {
	if err := p.quiet(); err != nil {
		return client.Request{}, err
	}
	r, err := p.request(name)
	if err != nil {
		return client.Request{}, err
	}
	olive, err := p.office(p.person("olive"), asStaff)
	if err != nil {
		return client.Request{}, err
	}
	return olive.Request(p.ctx, r.id)
}

var (
	digits = regexp.MustCompile(`(?m)^\s+(\d{4} \d{4})$`)
	notMe  = regexp.MustCompile(`/not-me/(\S+)`)
)

// letters are what came to the mailboxes of somebody about a case, the oldest
// first.
func (p *play) letters(w *person, about string) ([]notifytest.Received, error) {
	if err := p.quiet(); err != nil {
		return nil, err
	}
	var all []notifytest.Received
	for _, m := range p.inbox.Messages() {
		for _, c := range slices.Concat(w.contacts, w.added) {
			if m.To == c.Address && strings.Contains(m.Subject, about) {
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// code is what somebody reads in their mail: the newest code for a request, or
// the first.
func (p *play) code(w *person, r *ticket, first bool) (string, error) {
	letters, err := p.letters(w, "code for case "+r.code)
	if err != nil {
		return "", err
	}
	var codes []string
	for _, m := range letters {
		if found := digits.FindStringSubmatch(m.Text); found != nil {
			codes = append(codes, found[1])
		}
	}
	switch {
	case len(codes) == 0:
		return "", fmt.Errorf("no code has come to %s", w.name)
	case first:
		return codes[0], nil
	}
	return codes[len(codes)-1], nil
}

// heard is the newest code that came to a telephone of somebody.
func (p *play) heard(w *person) (string, error) {
	if err := p.quiet(); err != nil {
		return "", err
	}
	for _, m := range slices.Backward(p.world.phones.Messages()) {
		for _, c := range slices.Concat(w.contacts, w.added) {
			if found := spoken.FindString(m.Text); m.To == c.Address && found != "" {
				return strings.NewReplacer(" ", "", ",", "", ".", "").Replace(found), nil
			}
		}
	}
	return "", fmt.Errorf("no code has come to a telephone of %s", w.name)
}

// knows is what somebody can answer to a method, from what they have.
func (p *play) knows(w *person, method string, r *ticket) (string, error) {
	switch method {
	case "email_code":
		return p.code(w, r, false)
	case "recovery_contact":
		return p.code(&person{name: w.name, contacts: []directory.Contact{{Address: w.trusted}}}, r, false)
	case "sms_code", "voice_code", "callback":
		return p.heard(w)
	case "totp":
		if w.seed == nil {
			return "", fmt.Errorf("%s has no app", w.name)
		}
		return totp.At(w.seed, p.clock.now())
	case "recovery_code":
		if w.drawer == "" {
			return "", fmt.Errorf("%s has no recovery code", w.name)
		}
		return w.drawer, nil
	}
	return "", fmt.Errorf("nobody in these scripts can answer %s yet", method)
}

// guess is a well-formed answer that is wrong.
func (p *play) guess(method string) (string, error) {
	switch method {
	case "email_code", "sms_code", "voice_code", "callback", "recovery_contact":
		for n := 11111111; ; n += 1111 {
			if text := fmt.Sprint(n); !p.isSecret(text[:4] + " " + text[4:]) {
				return text, nil
			}
		}
	case "totp":
		// Of every app there is: none shows this code at any moment near.
		for n := 0; ; n++ {
			if text := fmt.Sprintf("%06d", n); !p.shown(text) {
				return text, nil
			}
		}
	case "recovery_code":
		return recoverycode.New(strings.NewReader(strings.Repeat("guess", 20))), nil
	}
	return "", fmt.Errorf("how to guess at %s is not known", method)
}

// isSecret reports whether a guess happens to be a code that was sent.
func (p *play) isSecret(code string) bool {
	for _, m := range p.inbox.Messages() {
		if strings.Contains(m.Text, code) {
			return true
		}
	}
	return false
}

func (p *play) shown(code string) bool {
	for _, w := range p.people {
		for off := -2; off <= 2 && w.seed != nil; off++ {
			if at, err := totp.At(w.seed, p.clock.now().Add(time.Duration(off)*30*time.Second)); err != nil || at == code {
				return true
			}
		}
	}
	return false
}

// raw calls the API as somebody who does not use the client: with what
// credential they have.
func (p *play) raw(w *person, method, path string, body []byte) error {
	path = p.fill(path, w)
	api, err := p.nobody(w, asPerson)
	if len(w.roles) > 0 {
		api, err = p.office(w, asStaff)
	} else if c := w.cases["it"]; c != nil {
		api = api.As(c.token)
	}
	if err != nil {
		return err
	}
	var in any
	if body != nil {
		in = rawJSON(p.fill(string(body), w))
	}
	return api.Do(p.ctx, method, path, in, nil)
}

type rawJSON string

// MarshalJSON gives the text as it stands in the script.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// fill puts ids in the place of <request>, <case> and <challenge>.
func (p *play) fill(text string, w *person) string {
	var id, code, challenge string
	if r := p.requests["it"]; r != nil {
		id, code = r.id, r.code
	}
	if c := w.cases["it"]; c != nil {
		challenge = c.challenge
	}
	return strings.NewReplacer("<request>", id, "<case>", code, "<challenge>", challenge).Replace(text)
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
