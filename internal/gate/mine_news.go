package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// news is a change of what somebody proves themselves by. All their mailboxes
// and, where there is a gateway for it, their telephones hear of it, the one
// that was added and the one that was taken away as well.
type news struct {
	person    identity.PersonID
	account   identity.AccountID
	enrolment string
	what      string // added, removed
	method    proof.Method
	label     string
	usable    time.Time // of something new
	also      enrolment // its address, if it has one, is told too
	disowned  bool      // and therefore removed
}

const shelfDisown = "disown" // key: hash of the link's token; value: disownLink

type disownLink struct {
	Person    identity.PersonID  `json:"person"`
	Account   identity.AccountID `json:"account"`
	Enrolment string             `json:"enrolment"`
	Method    proof.Method       `json:"method,omitempty"`
	Removal   bool               `json:"removal,omitempty"` // it was taken away, not added
}

// news writes the letters of a change, each with a link to disown it.
func (g *Gate) news(ctx context.Context, n news) ([]store.ItemChange, []store.Job, error) {
	at := g.now()
	a, err := g.lookup(ctx, n.account)
	switch {
	case errors.Is(err, directory.ErrNotFound):
	case err != nil && n.disowned:
		// What its owner disowns goes now, whatever is down: those hear of it
		// whom one can find without the directory.
		g.log.Error("not all addresses of an account hear that a factor was disowned", "account", n.account, "error", err)
		a = directory.Account{ID: n.account, Person: n.person}
	case err != nil:
		return nil, nil, err
	}
	all, err := g.contacts(ctx, a, at)
	if err != nil {
		return nil, nil, err
	}
	to := map[string]string{} // the way to each address
	for _, c := range all {
		if isMail(c) {
			to[c.address] = ""
		} else if isPhone(c) {
			to[c.address] = waySMS
		}
	}
	if len(n.also.Address) > 0 {
		plain, err := g.box.Open(n.also.Address)
		if err != nil {
			return nil, nil, fmt.Errorf("gate: opening an address: %w", err)
		}
		to[string(plain)] = map[bool]string{true: waySMS}[n.method == proof.SMSCode]
	}
	var items []store.ItemChange
	var jobs []store.Job
	for address, way := range to {
		if way == "" && g.mail == nil || way == waySMS && g.sms == nil {
			continue
		}
		token := newToken("dis_")
		l := letter{To: address, Subject: g.newsSubject(n), Text: g.newsText(n, identity.Line(a.Login, 80), token, at), Notice: "enrolment", Way: way}
		if way == waySMS {
			l.Text = g.newsInShort(n, identity.Line(a.Login, 40), token)
		}
		item, job, err := g.letter(l, at.Add(vetoLife))
		if err != nil {
			return nil, nil, err
		}
		items = append(items, item, put(shelfDisown, tokenKey(token), string(n.person), disownLink{n.person, n.account, n.enrolment, n.method, n.what == "removed"}, 0, at.Add(vetoLife)))
		jobs = append(jobs, job)
	}
	return items, jobs, nil
}

func (g *Gate) newsSubject(n news) string {
	return fmt.Sprintf("%s: %s was %s", identity.Line(g.cfg.Organisation, 60), methodWords[n.method], n.what)
}

// newsInShort is the news as a short message.
func (g *Gate) newsInShort(n news, login, token string) string {
	return fmt.Sprintf("%s: %s was %s for %q. Not you? Stop it: %s/not-mine/%s",
		identity.Line(g.cfg.Organisation, 40), methodWords[n.method], n.what, login, g.cfg.BaseURL, token)
}

func (g *Gate) newsText(n news, login, token string, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Something by which the owner of an account proves who they are was %s:\n\n    account   %s\n    what      %s\n", n.what, login, methodWords[n.method])
	if n.label != "" {
		fmt.Fprintf(&b, "    name      %s\n", identity.Line(n.label, 60))
	}
	fmt.Fprintf(&b, "    at        %s\n", roster.When(at))
	if !n.usable.IsZero() {
		fmt.Fprintf(&b, "\nIt counts as proof for requests that are opened after %s, not before.\n", roster.When(n.usable))
	}
	fmt.Fprintf(&b, "\nIf this wasn't you, say so here. What was added stops working at once, and security hears of it (no sign-in needed):\n\n    %s/not-mine/%s\n", g.cfg.BaseURL, token)
	return b.String()
}

// methodWords name a factor in the middle of a sentence's beginning.
var methodWords = map[proof.Method]string{
	proof.Passkey: "a passkey", proof.TOTP: "an authenticator app", proof.RecoveryCode: "a recovery code",
	proof.EmailCode: "a mailbox", proof.SMSCode: "a telephone number", proof.RecoveryContact: "a recovery contact",
	proof.Vouch: "a colleague who may vouch", proof.Device: "a managed device", proof.IDV: "an identity-proofing record",
}

// Disowned is what came of "that wasn't me" about a factor.
type Disowned struct {
	Account identity.AccountID `json:"account"`
	Method  proof.Method       `json:"method"`
	// Removal: the letter told that something had been taken away. It is not put
	// back: whoever answers the letter has not proved who they are.
	Removal bool `json:"removal"`
}

// Disown is "that wasn't me" about a factor, by the link that the news of it
// carries. What was added is taken away, and so is all that was begun and not
// confirmed; whatever it was, the person's next requests are looked at more
// closely, security hears of it, and every session that looks after an account
// of theirs ends first.
func (g *Gate) Disown(ctx context.Context, token string) (Disowned, error) {
	at := g.now()
	item, err := g.store.Item(ctx, shelfDisown, tokenKey(token), at)
	if errors.Is(err, store.ErrNotFound) {
		return Disowned{}, &Fault{"not_found", "this link is not known or has lapsed"}
	}
	var link disownLink
	if err == nil {
		err = unmarshal(item, &link)
	}
	if err != nil {
		return Disowned{}, fmt.Errorf("gate: reading a link: %w", err)
	}
	out := Disowned{link.Account, link.Method, link.Removal}
	if err := g.store.Change(ctx, shutOut(link.Person, at)); err != nil {
		return out, fmt.Errorf("gate: ending the owner's sessions: %w", err)
	}
	if err := g.disowned(ctx, link); err != nil {
		return out, err
	}
	f, err := g.ownFactor(ctx, link.Person, link.Enrolment, at)
	var missing *Fault
	if errors.As(err, &missing) {
		return out, nil // taken away already, or it was its removal that is disowned
	}
	if err != nil {
		return out, err
	}
	return out, g.unenrol(ctx, "contact", f, "disowned", link.Account)
}

// disowned notes it, tells security, and forgets what the person has begun.
func (g *Gate) disowned(ctx context.Context, link disownLink) error {
	if err := g.warn(ctx, link.Person, SignalDisowned); err != nil {
		return err
	}
	return g.again(func() error {
		at := g.now()
		begun, err := g.store.Items(ctx, shelfBegun, string(link.Person), at)
		if err != nil {
			return fmt.Errorf("gate: reading what was begun: %w", err)
		}
		var more besides
		for _, item := range begun {
			more.items = append(more.items, drop(item))
		}
		what := fmt.Sprintf("The owner of an account says that a change of what they prove themselves by was not theirs.\n\n    account   %s\n    change    %s was %s\n",
			link.Account, methodWords[link.Method], map[bool]string{true: "removed", false: "added"}[link.Removal])
		if err := g.alarm(ctx, &more, "disowned\x00"+string(link.Person), reset.State{}, what, at); err != nil {
			return err
		}
		if len(more.items) == 0 {
			return nil
		}
		return g.settle(ctx, link, more)
	})
}

// settle keeps the letter together with its job.
func (g *Gate) settle(ctx context.Context, link disownLink, more besides) error {
	open, private, err := ledger.Seal(disownment{link.Enrolment, link.Person}, salt)
	if err != nil {
		return fmt.Errorf("gate: writing a disownment: %w", err)
	}
	_, err = g.store.Commit(ctx, store.Commit{Stream: newID("not"), Actor: "contact", At: g.now(), Items: more.items, Jobs: more.jobs,
		Events: []store.Draft{{Type: "enrolment_disowned", Open: open, Private: private}}})
	if err != nil {
		return fmt.Errorf("gate: recording a disownment: %w", err)
	}
	return nil
}

// disownment is the ledger's note of it.
type disownment struct {
	Enrolment string            `json:"enrolment"`
	Person    identity.PersonID `json:"person"`
}
