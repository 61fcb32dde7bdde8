package demo

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"countersign/internal/proof/passkey"
	"countersign/internal/softkey"
)

// holder has a security key that the demo touches for them.
type holder struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Part  string `json:"part"`
	staff bool
	key   softkey.Key
}

func (s *side) keyring() []holder {
	var out []holder
	for _, a := range actors() {
		out = append(out, holder{a.login, a.name, a.part, true, s.cast[a.login].key})
	}
	for _, o := range owners() {
		if key := s.owners[o.login].key; key != nil {
			out = append(out, holder{o.login, o.name, o.part, false, *key})
		}
	}
	return out
}

// ceremony is what a page asks navigator.credentials for.
type ceremony struct {
	Who     string          `json:"who"`
	Page    string          `json:"page"`
	Options json.RawMessage `json:"options"`
}

const maxCeremony = 64 << 10

func (s *side) ceremony(w http.ResponseWriter, r *http.Request) (c ceremony, o passkey.Request, ok bool) {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCeremony)).Decode(&c)
	if err == nil {
		err = json.Unmarshal(c.Options, &o)
	}
	if err != nil {
		http.Error(w, "not a ceremony", http.StatusBadRequest)
	}
	return c, o, err == nil
}

// whoseKey says whose keys could answer: of those that the page names, or where
// it names none, of staff or of owners, as the page is for.
func (s *side) whoseKey(w http.ResponseWriter, r *http.Request) {
	c, o, ok := s.ceremony(w, r)
	if !ok {
		return
	}
	out := struct {
		Holders []holder `json:"holders"`
		Own     bool     `json:"own"` // a passkey that the demo does not have may answer too
	}{Holders: []holder{}}
	forOwners := strings.HasPrefix(c.Page, "/security") || strings.HasPrefix(c.Page, "/case")
	out.Own = len(o.Allow) == 0
	for _, d := range o.Allow {
		out.Own = out.Own || !slices.ContainsFunc(s.holders(), func(h holder) bool { return bytes.Equal(h.key.ID(), d.ID) })
	}
	for _, h := range s.holders() {
		named := slices.ContainsFunc(o.Allow, func(d passkey.Descriptor) bool { return bytes.Equal(h.key.ID(), d.ID) })
		if named || len(o.Allow) == 0 && h.staff != forOwners {
			out.Holders = append(out.Holders, h)
		}
	}
	me := s.visitor(r).ID
	slices.SortStableFunc(out.Holders, func(a, b holder) int { return rank(b.ID == me) - rank(a.ID == me) })
	writeJSON(w, out)
}

func rank(first bool) int {
	if first {
		return 1
	}
	return 0
}

func (s *side) holders() []holder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys)
}

// touch signs with somebody's key, as they would by touching it.
func (s *side) touch(w http.ResponseWriter, r *http.Request) {
	c, o, ok := s.ceremony(w, r)
	if !ok {
		return
	}
	var answer []byte
	for _, h := range s.holders() {
		if h.ID != c.Who {
			continue
		}
		if made, err := h.key.AssertOptions(s.cfg.BaseURL, c.Options); err == nil {
			answer = made
			break
		}
	}
	if answer == nil {
		http.Error(w, "that key is not among those asked for", http.StatusForbidden)
		return
	}
	if len(o.Allow) == 0 { // a sign-in: this is who one is from now on
		setCookie(w, cookieAs, c.Who)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

// makeKey makes a further key, for whoever adds one to their account or joins
// the roster, and keeps it.
func (s *side) makeKey(w http.ResponseWriter, r *http.Request) {
	c, _, ok := s.ceremony(w, r)
	if !ok {
		return
	}
	h := holder{ID: "you", Name: "You", Part: "a key of the demo's", staff: !strings.HasPrefix(c.Page, "/security"), key: softkey.New(rand.Reader)}
	if o := s.owners[s.visitor(r).ID]; o != nil && !h.staff {
		h.ID, h.Name, h.Part = o.login, o.name, o.part
	}
	answer, err := h.key.RegisterOptions(s.cfg.BaseURL, c.Options)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	s.mu.Lock()
	s.keys = append(s.keys, h)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

func writeJSON(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the demo cannot say it", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(data)
}
