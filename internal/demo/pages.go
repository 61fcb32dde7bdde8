package demo

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"

	"countersign/internal/client"
	"countersign/internal/evidence"
)

// shell is what the demo's pages take from the product's: its style, theme and
// policies.
type shell struct {
	Tag   template.HTML // <html …>
	Links template.HTML
	Me    visitor
}

var (
	htmlTag  = regexp.MustCompile(`<html[^>]*>`)
	linkTags = regexp.MustCompile(`<link [^>]*>`)
)

// shell reads the product's front page, and sets its headers.
func (s *side) shell(w http.ResponseWriter, r *http.Request) shell {
	front := s.ask(r, r.Cookies(), http.MethodGet, "/", "", "")
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "Cache-Control"} {
		if v := front.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	tag := htmlTag.Find(front.body.Bytes())
	if tag == nil {
		tag = []byte(`<html lang="en">`)
	}
	//nolint:gosec // these tags are the product's own, from its template
	return shell{template.HTML(tag), template.HTML(bytes.Join(linkTags.FindAll(front.body.Bytes(), -1), nil)), s.visitor(r)}
}

func (s *side) show(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w)
}

// card is somebody of the cast.
type card struct {
	ID, Name, Part, Does string
	Now                  string // what waits for them
	Is                   bool   // the visitor is them
}

// castPage shows the cast.
func (s *side) castPage(w http.ResponseWriter, r *http.Request) {
	b, err := s.look(r.Context())
	if err != nil {
		http.Error(w, "the demo cannot read its own server: "+err.Error(), http.StatusBadGateway)
		return
	}
	data := struct {
		shell
		Owners, Staff []card
		Steps         []step
		Join          string
	}{shell: s.shell(w, r), Steps: s.steps(b)}
	s.mu.Lock()
	data.Join = s.join
	s.mu.Unlock()
	for _, who := range owners() {
		if o := s.owners[who.login]; o.part != "" {
			data.Owners = append(data.Owners, card{o.login, o.name, o.part, o.does, ownersNow(o, b), data.Me.ID == o.login})
		}
	}
	for _, a := range inOrder() {
		data.Staff = append(data.Staff, card{a.login, a.name, a.part, a.does, staffNow(a, b), data.Me.ID == a.login})
	}
	s.show(w, "cast.html", data)
}

// inOrder are the actors as the story meets them.
func inOrder() []*actor {
	order := []string{agentLogin, vendorLogin, managerLogin, founderLogin, secondLogin, proverLogin, auditorLogin}
	all := actors()
	slices.SortFunc(all, func(a, b *actor) int { return slices.Index(order, a.login) - slices.Index(order, b.login) })
	return all
}

func ownersNow(o *owner, b board) string {
	for _, r := range b.requests {
		if r.Subject.Account != o.id {
			continue
		}
		switch {
		case r.Status == "proving":
			return fmt.Sprintf("Case %s waits for the proof.", r.Case)
		case r.IsOpen():
			return fmt.Sprintf("Case %s is under way.", r.Case)
		case r.Status == "done":
			return fmt.Sprintf("Case %s is done.", r.Case)
		}
		return fmt.Sprintf("Case %s ended: %s.", r.Case, r.Status)
	}
	return "Has not rung yet. The desk knows the account as " + o.account.Login + "."
}

func staffNow(a *actor, b board) string {
	signing, reviews := 0, 0
	for _, r := range b.requests {
		if r.Status == "approving" && slices.ContainsFunc(r.Needs, func(n client.Need) bool { return slices.Contains(a.roles, n.Role) }) {
			signing++
		}
		if r.ReviewOwed {
			reviews++
		}
	}
	switch {
	case signing > 0:
		return counted(signing, "request waits for signatures.", "requests wait for signatures.")
	case reviews > 0 && slices.Contains(a.roles, "reviewer"):
		return counted(reviews, "request is to be reviewed.", "requests are to be reviewed.")
	}
	return ""
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// verifyPage does before the reader's eyes what countersign-verify does.
func (s *side) verifyPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("request")
	bundle, err := s.reader.Bundle(r.Context(), id)
	if err != nil {
		http.Error(w, "There is no such request, or nothing to prove of it yet.", http.StatusNotFound)
		return
	}
	good, err := s.verify(bundle)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	data := struct {
		shell
		Request, Verdict, Report, Changed, Forged, ForgedVerdict string
	}{shell: s.shell(w, r), Request: id, Verdict: string(good.Verdict), Report: good.Text(evidence.Style{Marks: true})}
	if forged, name, ok := oneByte(bundle); ok {
		bad, err := s.verify(forged)
		if err == nil {
			data.Changed, data.Forged, data.ForgedVerdict = name, bad.Text(evidence.Style{Marks: true}), string(bad.Verdict)
		}
	}
	s.mark(verified, id)
	s.show(w, "verify.html", data)
}

// oneByte changes one letter of the name of whoever did the last thing that
// somebody signed, or of the last who did anything.
func oneByte(bundle []byte) (forged []byte, name string, ok bool) {
	const person = "person:"
	end := bytes.LastIndex(bundle, []byte(`"type": "voted"`))
	if end < 0 {
		end = len(bundle)
	}
	at := bytes.LastIndex(bundle[:end], []byte(person))
	if at < 0 {
		return nil, "", false
	}
	forged = bytes.Clone(bundle)
	at += len(person)
	forged[at]++
	rest := bundle[at:]
	return forged, string(rest[:max(0, bytes.IndexAny(rest, `"`))]), true
}
