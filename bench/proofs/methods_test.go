package proofs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base32"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/device"
	"countersign/internal/proof/passkey"
	"countersign/internal/softkey"
)

// officer sees people in person.
const officer = identity.PersonID("staff:rowan")

// method is how one method is registered, and what answers its challenge.
type method struct {
	name   proof.Method
	enrol  func(*site, *person) // nil: what the directory has is enough
	answer func(s *site, p *person, v gate.View, token string, c gate.Prompt) func() error
}

// methods are all that there are, in the order of proof.Specs.
var methods = []method{
	{proof.Passkey, enrolPasskey, answerPasskey},
	{proof.TOTP, enrolTOTP, func(s *site, p *person, _ gate.View, token string, c gate.Prompt) func() error {
		return s.types(token, c, s.Code(p.answer.(gatetest.Seed)))
	}},
	{proof.EmailCode, nil, func(s *site, p *person, v gate.View, token string, c gate.Prompt) func() error {
		return s.types(token, c, s.MailedCode(v.ID, p.mail))
	}},
	{proof.SMSCode, nil, func(s *site, p *person, v gate.View, token string, c gate.Prompt) func() error {
		return s.types(token, c, s.Texted(s.SMS, v.ID, p.phone))
	}},
	{proof.VoiceCode, nil, func(s *site, p *person, v gate.View, token string, c gate.Prompt) func() error {
		return s.types(token, c, s.Texted(s.Voice, v.ID, p.phone))
	}},
	{proof.RecoveryCode, enrolRecovery, func(s *site, p *person, _ gate.View, token string, c gate.Prompt) func() error {
		return s.types(token, c, p.answer.(string))
	}},
	{proof.RecoveryContact, enrolContact, func(s *site, p *person, v gate.View, token string, c gate.Prompt) func() error {
		return s.types(token, c, s.MailedCode(v.ID, p.answer.(string)))
	}},
	{proof.Vouch, enrolVouch, answerVouch},
	{proof.Callback, nil, func(s *site, p *person, v gate.View, _ string, _ gate.Prompt) func() error {
		spoken := s.Texted(s.Voice, v.ID, p.phone)
		return func() error {
			_, err := s.Gate.Callback(s.T.Context(), gatetest.Staff(gatetest.Finch), v.ID, spoken)
			return err
		}
	}},
	{proof.InPerson, nil, answerInPerson},
	{proof.OIDC, nil, func(s *site, p *person, _ gate.View, token string, c gate.Prompt) func() error {
		claims := s.SignedIn(p.login)
		return func() error {
			_, err := s.Gate.AnswerOIDC(s.T.Context(), token, c.Challenge, claims)
			return err
		}
	}},
	{proof.Device, enrolDevice, func(s *site, p *person, _ gate.View, token string, c gate.Prompt) func() error {
		signed, err := device.Sign(rand.Reader, p.answer.(crypto.Signer), []byte(c.Statement))
		s.Must(err)
		return s.types(token, c, signed)
	}},
	{proof.IDV, enrolIDV, func(s *site, p *person, _ gate.View, token string, c gate.Prompt) func() error {
		return s.types(token, c, s.Proofed(c.Challenge, p.answer.(string), nil))
	}},
}

// types answers a challenge with a text.
func (s *site) types(token string, c gate.Prompt, text string) func() error {
	return func() error {
		_, err := s.Gate.Answer(s.T.Context(), token, c.Challenge, gate.Reply{Text: text})
		return err
	}
}

// person adds the nth account, with a mailbox and a telephone.
func (s *site) person(n int) *person {
	ctx := s.T.Context()
	moss, err := s.Directory.Find(ctx, gatetest.Moss)
	s.Must(err)
	p := &person{login: fmt.Sprintf("owner%04d", n), phone: fmt.Sprintf("+1555%07d", n)}
	p.mail = p.login + "@private.example"
	long := s.Now().AddDate(-1, 0, 0)
	_, err = s.Directory.Add(ctx, local.NewAccount{Login: p.login, Name: p.login, Manager: moss.ID, Contacts: []directory.Contact{
		{Kind: directory.ContactEmail, Address: p.mail, FirstSeen: long}, {Kind: directory.ContactPhone, Address: p.phone, FirstSeen: long}}})
	s.Must(err)
	a, err := s.Directory.Find(ctx, p.login)
	s.Must(err)
	p.owner = gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC, Since: s.Now()}
	return p
}

// enrols registers what an integration may.
func (s *site) enrols(r gate.Registering) gate.Factor {
	f, err := s.Gate.Enrol(s.T.Context(), gate.Caller{Token: "onboarding", Scopes: []gate.Scope{gate.ScopeEnrol}}, r)
	s.Must(err)
	return f
}

var inURI = regexp.MustCompile(`secret=([A-Z2-7]+)`)

func enrolTOTP(s *site, p *person) {
	f := s.enrols(gate.Registering{Login: p.login, Method: proof.TOTP})
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(inURI.FindStringSubmatch(f.URI)[1])
	s.Must(err)
	p.answer = gatetest.Seed(seed)
}

func enrolRecovery(s *site, p *person) {
	p.answer = s.enrols(gate.Registering{Login: p.login, Method: proof.RecoveryCode}).Code
}

func enrolIDV(s *site, p *person) {
	p.answer = "subject of " + p.login
	s.enrols(gate.Registering{Login: p.login, Method: proof.IDV, Subject: p.answer.(string)})
}

func enrolDevice(s *site, p *person) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.Must(err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	s.Must(err)
	s.enrols(gate.Registering{Login: p.login, Method: proof.Device, Key: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
	p.answer = crypto.Signer(key)
}

func enrolContact(s *site, p *person) {
	kin := p.login + "@family.example"
	b, err := s.Gate.AddAddress(s.T.Context(), p.owner, proof.RecoveryContact, kin, "")
	s.Must(err)
	_, err = s.Gate.Confirm(s.T.Context(), p.owner, b.Enrolment, s.MailedCode("", kin))
	s.Must(err)
	p.answer = kin
}

func enrolPasskey(s *site, p *person) {
	key := s.NewKey()
	b, err := s.Gate.AddPasskey(s.T.Context(), p.owner, "")
	s.Must(err)
	response, err := key.Register("localhost", gatetest.Origin, b.Options.Challenge)
	s.Must(err)
	_, err = s.Gate.ConfirmPasskey(s.T.Context(), p.owner, b.Enrolment, response)
	s.Must(err)
	p.answer = key
}

func answerPasskey(s *site, p *person, _ gate.View, token string, c gate.Prompt) func() error {
	response, err := p.answer.(softkey.Key).Assert("localhost", gatetest.Origin, c.Options.Challenge)
	s.Must(err)
	a, err := passkey.ParseAssertion(response)
	s.Must(err)
	return func() error {
		_, err := s.Gate.Answer(s.T.Context(), token, c.Challenge, gate.Reply{Assertion: &a})
		return err
	}
}

// enrolVouch has the account looked at, which dates its manager.
func enrolVouch(s *site, p *person) {
	_, err := s.Gate.Open(s.T.Context(), gatetest.Staff(gatetest.Finch),
		gate.Wish{Login: p.login, Action: identity.PasswordReset, Channel: identity.Ticket, Ticket: "INC-1"})
	s.Must(err)
}

func answerVouch(s *site, _ *person, v gate.View, _ string, c gate.Prompt) func() error {
	ctx, link := s.T.Context(), ""
	for _, text := range s.Letters(v.ID, gatetest.MossesMail) {
		if _, rest, ok := strings.Cut(text, "/vouch/"); ok {
			link, _, _ = strings.Cut(rest, "\n")
		}
	}
	paper, err := s.Gate.VouchPaper(ctx, link, c.Code)
	s.Must(err)
	signed := s.Sign(s.Person(gatetest.Moss), paper.Options.Challenge)
	return func() error { return s.Gate.Vouch(ctx, link, c.Code, signed) }
}

func answerInPerson(s *site, _ *person, v gate.View, _ string, c gate.Prompt) func() error {
	ctx, rowan := s.T.Context(), gatetest.Staff(officer)
	paper, err := s.Gate.ProofingPaper(ctx, rowan, v.Case, c.Code, "passport")
	s.Must(err)
	signed := s.Sign(officer, paper.Options.Challenge)
	return func() error { return s.Gate.Attest(ctx, rowan, v.Case, c.Code, "passport", signed) }
}
