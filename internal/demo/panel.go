package demo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/internal/client"
	"countersign/internal/proof/totp"
)

// board is what is committed of the requests since the play was over.
type board struct {
	at       time.Time
	requests []client.Request // newest first
}

// fresh is how long a look at the requests serves everybody who asks.
const fresh = 400 * time.Millisecond

// look reads the requests of the audience's own time.
func (s *side) look(ctx context.Context) (board, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.cache.at) < fresh {
		return s.cache, nil
	}
	list, err := s.reader.List(ctx, client.Filter{Limit: 25})
	if err != nil {
		return s.cache, err
	}
	now := board{at: time.Now()}
	for _, r := range list.Requests {
		if r.OpenedAt.Before(s.opened) {
			continue
		}
		whole, err := s.reader.Request(ctx, r.ID)
		if err != nil {
			return s.cache, err
		}
		now.requests = append(now.requests, whole)
		if s.tried[r.ID].version == whole.Version {
			continue
		}
		moments, err := s.reader.Timeline(ctx, r.ID)
		if err != nil {
			return s.cache, err
		}
		s.tried[r.ID] = trialOf(whole.Version, moments)
	}
	s.cache = now
	return now, nil
}

// panel is everything that the script shows.
type panel struct {
	Me     visitor  `json:"me"`
	Cast   []holder `json:"cast"`
	People []things `json:"people"`
	Post   []parcel `json:"post"` // newest first
	Steps  []step   `json:"steps"`
	Tries  []step   `json:"tries"`
}

// things are what an owner has at hand.
type things struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Part   string `json:"part"`
	Phone  string `json:"phone,omitempty"`
	App    string `json:"app,omitempty"`   // the code of the moment
	Until  int64  `json:"until,omitempty"` // when it changes, in milliseconds
	Drawer string `json:"drawer,omitempty"`
	Key    bool   `json:"key"`
	Line   []part `json:"line,omitempty"` // what the desk says on the telephone
}

// parcel is a letter, a text message or a call, and for whom.
type parcel struct {
	ID      string    `json:"id"`
	Way     string    `json:"way"`
	Who     string    `json:"who"`
	To      string    `json:"to"`
	Subject string    `json:"subject,omitempty"`
	At      time.Time `json:"at"`
	Parts   []part    `json:"parts"`
}

// part is a piece of a text: plain, a code to be typed, or a link.
type part struct {
	Text string `json:"text"`
	Kind string `json:"kind,omitempty"` // "", code, link
}

// post is the panel's data. It changes rarely and is asked for often.
func (s *side) post(w http.ResponseWriter, r *http.Request) {
	b, err := s.look(r.Context())
	if err != nil {
		http.Error(w, "the demo cannot read its own server: "+err.Error(), http.StatusBadGateway)
		return
	}
	v := panel{Me: s.visitor(r), Cast: s.castList(), People: s.things(b), Post: s.parcels(), Steps: s.steps(b), Tries: s.tries(b)}
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the demo cannot say it", http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256(data)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(data)
}

// castList is everybody whom one can be.
func (s *side) castList() []holder {
	var out []holder
	for _, o := range owners() {
		if o.part != "" {
			out = append(out, holder{ID: o.login, Name: o.name, Part: o.part})
		}
	}
	for _, a := range inOrder() {
		out = append(out, holder{ID: a.login, Name: a.name, Part: a.part, staff: true})
	}
	return out
}

func (s *side) things(b board) []things {
	var out []things
	now := s.clock.now()
	for _, who := range owners() {
		o := s.owners[who.login]
		if o.part == "" {
			continue
		}
		t := things{ID: o.login, Name: o.name, Part: o.part, Phone: o.phone, Drawer: o.recovery, Key: o.key != nil, Line: s.readOut(o, b)}
		if code, err := totp.At(o.seed, now); err == nil && len(o.seed) > 0 {
			t.App, t.Until = code[:3]+" "+code[3:], now.Truncate(30*time.Second).Add(30*time.Second).UnixMilli()
		}
		out = append(out, t)
	}
	return out
}

// readOut is what the desk reads out to an owner who has yet to prove themselves.
func (s *side) readOut(o *owner, b board) []part {
	for _, r := range b.requests {
		if r.Subject.Account != o.id || r.Status != "proving" || r.Agent == "" {
			continue
		}
		agent := "The desk"
		for _, a := range s.cast {
			if a.person() == r.Agent {
				agent = a.name
			}
		}
		return []part{{Text: fmt.Sprintf("%s says: your case code is ", agent)}, {Text: r.Case, Kind: "code"}, {Text: ", and we both see the words “" + r.Words + "”."}}
	}
	return nil
}

func (s *side) parcels() []parcel {
	who := map[string]string{}
	for _, o := range s.owners {
		who[o.mail], who[o.phone] = o.name, o.name
	}
	for _, a := range s.cast {
		who[mailOf(a.login)] = a.name
	}
	who[securityMail] = "Security"
	out := []parcel{}
	for _, i := range s.play.post.since(s.opened) {
		name := who[i.To]
		if name == "" {
			name = i.To
		}
		out = append(out, parcel{ID: i.Way + i.ID, Way: i.Way, Who: name, To: i.To, Subject: i.Subject, At: i.At.UTC().Truncate(time.Second), Parts: s.parts(i.Text)})
	}
	slices.Reverse(out)
	return out[:min(len(out), 30)]
}

// telling finds what somebody wants to press or copy in a text.
var telling = regexp.MustCompile(`https?://\S+|\b\d{4} \d{4}\b|\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`)

func (s *side) parts(text string) []part {
	var out []part
	at := 0
	for _, m := range telling.FindAllStringIndex(text, -1) {
		found, kind := text[m[0]:m[1]], "code"
		if strings.HasPrefix(found, "http") {
			if !strings.HasPrefix(found, s.cfg.BaseURL+"/") {
				continue
			}
			kind = "link"
		}
		if m[0] > at {
			out = append(out, part{Text: text[at:m[0]]})
		}
		out = append(out, part{Text: found, Kind: kind})
		at = m[1]
	}
	return append(out, part{Text: text[at:]})
}
