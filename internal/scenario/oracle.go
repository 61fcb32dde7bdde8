package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/evidence"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/policy"
)

// judge asks what has to hold after every script, whatever it expects itself.
func (p *play) judge() error {
	questions := []func() error{p.asAllowed, p.uniform, p.secretive, p.proven, p.onRecord}
	if p.script.Kind == Attack {
		questions = append(questions, p.untouched, p.remembered)
	} else {
		questions = append(questions, p.recovered, p.told, p.revoked)
	}
	// Last, for what the questions themselves have called forth.
	questions = append(questions, p.secretive)
	var faults []error
	for _, ask := range questions {
		if err := ask(); err != nil {
			faults = append(faults, &Failure{p.script.File, 0, err})
		}
	}
	return errors.Join(faults...)
}

// asAllowed: the directory was changed as often as the script says, and no more.
func (p *play) asAllowed() error {
	if p.effects != p.allowed {
		return fmt.Errorf("the directory was changed %d times; the script allows %d", p.effects, p.allowed)
	}
	return nil
}

// nothingDone is for a recovery with a proof left out.
func (p *play) nothingDone() error {
	if p.effects != 0 {
		return &Failure{p.script.File, p.script.Lines[p.without].Number, fmt.Errorf("without this line the directory was changed %d times all the same", p.effects)}
	}
	for name := range p.requests {
		r, err := p.stands(name)
		if err != nil {
			return err
		}
		if r.Status == "done" {
			return &Failure{p.script.File, p.script.Lines[p.without].Number, errors.New("without this line the request was carried out all the same")}
		}
	}
	return p.untouched()
}

// uniform: every refusal has the one form.
func (p *play) uniform() error {
	for _, x := range p.record.exchanges() {
		if why := x.uniform(); why != "" {
			return fmt.Errorf("the answer to %s %s is no uniform refusal: %s", x.method, x.path, why)
		}
	}
	return nil
}

// secretive: no secret is in an answer that staff or an integration got, in the
// log, or on the ledger.
func (p *play) secretive() error {
	leaves, err := p.entries()
	if err != nil {
		return err
	}
	places := map[string]string{"the server's log": p.log.String()}
	for _, l := range leaves {
		places["the ledger"] += l.Actor + " " + string(l.Body) + "\n"
	}
	for _, x := range p.record.exchanges() {
		if x.part == asStaff {
			places["an answer to staff"] += x.body + "\n"
		}
	}
	for _, s := range p.everySecret() {
		for place, text := range places {
			if s.in(text) {
				return fmt.Errorf("%s is in %s", s.what, place)
			}
		}
	}
	return nil
}

// everySecret adds what went out by mail to what people were shown.
func (p *play) everySecret() []secret {
	all := slices.Clone(p.secrets)
	for _, m := range p.inbox.Messages() {
		for _, found := range digits.FindAllStringSubmatch(m.Text, -1) {
			all = append(all, secret{"a code sent to " + m.To, found[1]}, secret{"a code sent to " + m.To, strings.ReplaceAll(found[1], " ", "")})
		}
		for _, found := range notMe.FindAllStringSubmatch(m.Text, -1) {
			all = append(all, secret{"a link sent to " + m.To, found[1]})
		}
	}
	for _, m := range p.world.phones.Messages() {
		if found := spoken.FindString(m.Text); found != "" {
			plain := strings.NewReplacer(" ", "", ",", "", ".", "").Replace(found)
			all = append(all, secret{"a code sent to " + m.To, plain}, secret{"a code sent to " + m.To, plain[:4] + " " + plain[4:]})
		}
	}
	return all
}

// in looks for the secret as a word: eight digits may well stand in a hash.
func (s secret) in(text string) bool {
	return strings.Contains(text, s.text) &&
		regexp.MustCompile(`(^|[^0-9A-Za-z])`+regexp.QuoteMeta(s.text)+`($|[^0-9A-Za-z])`).MatchString(text)
}

func (p *play) auditor() (client.Client, error) { return p.office(p.person("olive"), asStaff) }

// entries downloads the ledger, recomputes it up to its signed head, and
// returns what it holds.
func (p *play) entries() (leaves []ledger.Leaf, err error) {
	olive, err := p.auditor()
	if err != nil {
		return nil, err
	}
	key, err := p.logKey()
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return nil, err
	}
	olive = olive.Through(p.record.as("olive", setUp)) // entries are no answers about a request
	_, err = ledger.CheckExport(verifier.Name(), note.VerifierList(verifier), func(path string) ([]byte, error) {
		data, err := olive.LedgerFile(p.ctx, path)
		if err == nil && strings.HasPrefix(path, "tile/entries/") {
			leaves, err = leavesIn(leaves, data)
		}
		return data, err
	})
	if err != nil {
		return nil, fmt.Errorf("the ledger does not verify: %w", err)
	}
	return leaves, nil
}

func leavesIn(leaves []ledger.Leaf, bundle []byte) ([]ledger.Leaf, error) {
	all, err := ledger.ParseBundle(bundle)
	for _, raw := range all {
		l, err := ledger.ParseLeaf(raw)
		if err != nil {
			return leaves, err
		}
		leaves = append(leaves, l)
	}
	return leaves, err
}

func (p *play) logKey() ([]byte, error) {
	return os.ReadFile(filepath.Join(p.dir, "data", "log.vkey"))
}

// bundle judges a request's evidence as an auditor does, and returns it.
func (p *play) bundle(id string) (evidence.Report, evidence.Bundle, error) {
	olive, err := p.auditor()
	if err != nil {
		return evidence.Report{}, evidence.Bundle{}, err
	}
	raw, err := olive.Bundle(p.ctx, id)
	if err != nil {
		return evidence.Report{}, evidence.Bundle{}, err
	}
	b, err := evidence.ParseBundle(raw)
	if err != nil {
		return evidence.Report{}, b, err
	}
	key, err1 := p.logKey()
	genesis, err2 := os.ReadFile(filepath.Join(p.dir, "data", "genesis.json"))
	if err := errors.Join(err1, err2); err != nil {
		return evidence.Report{}, b, err
	}
	r, err := evidence.VerifyFiles(raw, key, genesis, p.clock.now())
	return r, b, err
}

// proven: the evidence of every request verifies offline, with a verdict that
// fits how it stands.
func (p *play) proven() error {
	for name, t := range p.requests {
		r, err := p.stands(name)
		if err != nil {
			return err
		}
		report, _, err := p.bundle(t.id)
		if err != nil {
			return err
		}
		want := evidence.NotOrdered
		if r.Receipt != nil {
			want = evidence.Allowed
		}
		if report.Verdict != want {
			return fmt.Errorf("the evidence of case %s, which stands at %s, is judged %q: %s", t.code, r.Status, report.Verdict, report.Sentence())
		}
	}
	return nil
}

// onRecord: whatever was refused to somebody who had got as far as the door has
// left an entry that names them or their request.
func (p *play) onRecord() error {
	leaves, err := p.entries()
	if err != nil {
		return err
	}
	for _, f := range p.refused {
		types, must := recorded[f.code]
		who := string(p.person(f.who).id)
		found := slices.ContainsFunc(leaves, func(l ledger.Leaf) bool {
			return slices.Contains(types, l.Type) && (l.Stream == f.it || strings.Contains(l.Actor, who) || strings.HasPrefix(l.Actor, "token:"))
		})
		if must && !found {
			return p.at(f.line, fmt.Errorf("the refusal left no entry (%s) on the ledger", strings.Join(types, " or ")))
		}
	}
	return nil
}

// recorded are the refusals that leave an entry, and its type.
var recorded = map[string][]string{
	"answer_refused":       {"answer_refused"},
	"not_available":        {"missed", "refused"},
	"separation_of_duties": {"barred", "opened"},
	"not_a_proof":          {"observed"},
}

// untouched: where nothing was allowed, what opened the accounts before opens
// them still.
func (p *play) untouched() error {
	if p.allowed != 0 {
		return nil
	}
	for _, w := range p.people {
		if w.account == "" || w.locked {
			continue
		}
		a, err := p.house.people.Lookup(p.ctx, w.account)
		if err != nil {
			return err
		}
		err = p.house.people.SignIn(p.ctx, w.name, w.password)
		if a.Status == directory.Active && err != nil {
			return fmt.Errorf("%s can no longer sign in: %w", w.name, err)
		}
	}
	return nil
}

// remembered: the next request about the same account sees what happened.
func (p *play) remembered() error {
	if len(p.refused) == 0 || len(p.requests) == 0 {
		return nil
	}
	subject := p.requests["it"].subject
	before := map[string]bool{}
	for _, t := range p.requests {
		if t.subject == subject {
			before[t.id] = true
		}
	}
	api, err := p.integration("probe", asStaff, "requests:open", "requests:read")
	if err != nil {
		return err
	}
	r, err := api.Open(p.ctx, client.Wish{Login: subject, Action: identity.Unlock, Channel: identity.WalkIn})
	if client.CodeOf(err) == "not_available" {
		return nil // more cannot be asked than is asked now
	}
	if err != nil {
		return err
	}
	_, b, err := p.bundle(r.ID)
	if err != nil {
		return err
	}
	facts, err := factsOf(b)
	if err != nil {
		return err
	}
	if len(facts.Signals) == 0 && !slices.ContainsFunc(facts.History, func(h policy.Past) bool { return before[h.Request] }) {
		return fmt.Errorf("a new request about %s knows of nothing that went before", subject)
	}
	return nil
}

// factsOf reads the facts of the first entry of a bundle.
func factsOf(b evidence.Bundle) (policy.Facts, error) {
	var f policy.Facts
	if len(b.Events) == 0 {
		return f, errors.New("the bundle is empty")
	}
	kept, ok := b.Events[0].Private["facts"]
	if !ok {
		return f, errors.New("the facts are not in the bundle")
	}
	return f, json.Unmarshal(kept.Value, &f)
}

// recovered: the effect happened once, and what opened the account before does
// not any more.
func (p *play) recovered() error {
	r, err := p.stands("it")
	if err != nil {
		return err
	}
	w := p.person(p.requests["it"].subject)
	if r.Action == identity.InitialEnrolment {
		_, err := p.owner(w, asPerson) // what it opens stands here, not in the directory
		return err
	}
	if p.allowed != 1 {
		return fmt.Errorf("an honest recovery changes one thing; this one %d", p.allowed)
	}
	if r.Action == identity.PasswordReset {
		old := w.old
		if old == "" {
			return fmt.Errorf("%s never saw the new password", w.name)
		}
		if err := p.house.people.SignIn(p.ctx, w.name, old); !errors.Is(err, directory.ErrBadCredential) {
			return fmt.Errorf("the old password of %s: %w; it should be refused", w.name, err)
		}
	}
	if err := p.house.people.SignIn(p.ctx, w.name, w.password); err != nil && !errors.Is(err, local.ErrMustChange) {
		return fmt.Errorf("%s cannot sign in: %w", w.name, err)
	}
	return nil
}

// told: at least two addresses heard that it was carried out.
func (p *play) told() error {
	if err := p.quiet(); err != nil {
		return err
	}
	heard := map[string]bool{}
	for _, m := range p.inbox.Messages() {
		if strings.Contains(m.Subject, p.requests["it"].code) && strings.Contains(m.Subject, "carried out") && !strings.Contains(m.Subject, "about to") {
			heard[m.To] = true
		}
	}
	if len(heard) < 2 {
		return fmt.Errorf("%d addresses were told that it was carried out; at least two have to be", len(heard))
	}
	return nil
}

// revoked: what the old credential had opened was closed, where the directory
// can.
func (p *play) revoked() error {
	r, err := p.stands("it")
	if err != nil {
		return err
	}
	for _, f := range r.FollowUps {
		if r.Action == identity.InitialEnrolment || f.Kind == "revoke_sessions" && f.Outcome == "confirmed" {
			return nil
		}
	}
	return fmt.Errorf("the sessions were not revoked: %+v", r.FollowUps)
}
