package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// Session is a session as its person is shown it. It opens nothing.
type Session struct {
	ID      string    `json:"id"`
	Browser string    `json:"browser,omitempty"` // what opened it, by its own account; "": nobody knows
	System  string    `json:"system,omitempty"`
	From    string    `json:"from,omitempty"` // the network it was opened from
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"`  // last use, to the minute
	Until   time.Time `json:"until"` // when it ends, unless it is used again
	Here    bool      `json:"here"`  // it is the one that asks
}

// ErrNoSession: it has ended already, or was never theirs.
var ErrNoSession = &gate.Fault{Code: "not_found", Msg: "there is no such session; it may have ended already"}

// Sessions lists the open sessions of a person, the one last used first. token
// is the session that asks.
func (s *Signin) Sessions(ctx context.Context, p identity.PersonID, token string) ([]Session, error) {
	chain, err := s.gate.Chain(ctx)
	if err != nil {
		return nil, err
	}
	items, err := s.sessionItems(ctx, p)
	if err != nil {
		return nil, err
	}
	all := []Session{}
	for _, item := range items {
		var v session
		if err := json.Unmarshal(item.Value, &v); err != nil {
			return nil, fmt.Errorf("signin: reading a session: %w", err)
		}
		if v.ended(chain, s.now()) {
			continue
		}
		all = append(all, Session{sessionName(item.Key), v.Browser, v.System, v.From, v.Since, v.Seen,
			lasts(v, chain.Members[p]), token != "" && same(item.Key, sessionKey(token))})
	}
	slices.SortFunc(all, func(a, b Session) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

// ended reports whether a session has ended although it is still kept: it has
// lain still too long, or its passkey is not its person's any more.
func (v session) ended(chain roster.State, at time.Time) bool {
	m, _, held := chain.ByCredential(v.Key)
	return !held || m.Person != v.Person || !at.Before(v.Seen.Add(idle(m)))
}

// lasts is when a session ends, unless it is used again.
func lasts(v session, m roster.Member) time.Time {
	still, whole := v.Seen.Add(idle(m)), v.Since.Add(sessionLife)
	if still.Before(whole) {
		return still
	}
	return whole
}

// sessionName names a session to its person: the key it is kept under is
// nobody's business.
func sessionName(key string) string { return digest("session-name", key) }

func (s *Signin) sessionItems(ctx context.Context, p identity.PersonID) ([]store.Item, error) {
	if p == "" {
		return nil, gate.ErrForbidden // an integration has no sessions
	}
	items, err := s.store.Items(ctx, shelfSession, string(p), s.now())
	if err != nil {
		return nil, fmt.Errorf("signin: reading sessions: %w", err)
	}
	return items, nil
}

// EndSession ends one session of a person, at once.
func (s *Signin) EndSession(ctx context.Context, p identity.PersonID, id string) error {
	items, err := s.sessionItems(ctx, p)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(items, func(item store.Item) bool { return same(sessionName(item.Key), id) })
	if i < 0 {
		return ErrNoSession
	}
	return s.forget(ctx, shelfSession, items[i].Key)
}

// EndOtherSessions ends every session of a person but the one that asks, and
// says how many there were.
func (s *Signin) EndOtherSessions(ctx context.Context, p identity.PersonID, token string) (int, error) {
	others, open, err := s.endings(ctx, p, token)
	if err != nil || len(others) == 0 {
		return 0, err
	}
	if err := s.store.Change(ctx, others...); err != nil {
		return 0, fmt.Errorf("signin: ending sessions: %w", err)
	}
	return open, nil
}

// endings are the changes that end the sessions of a person, but for one, and
// how many of them are open.
func (s *Signin) endings(ctx context.Context, p identity.PersonID, but string) (all []store.ItemChange, open int, err error) {
	listed, err := s.Sessions(ctx, p, but)
	if err != nil {
		return nil, 0, err
	}
	items, err := s.sessionItems(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	for _, item := range items {
		if but != "" && same(item.Key, sessionKey(but)) {
			continue
		}
		all = append(all, store.ItemChange{Item: store.Item{Shelf: shelfSession, Key: item.Key}, Delete: true, Expect: store.AnyVersion})
		if slices.ContainsFunc(listed, func(one Session) bool { return one.ID == sessionName(item.Key) }) {
			open++
		}
	}
	return all, open, nil
}

// EndSessionsOf ends all sessions of somebody else, on the word of who calls
// and for the reason they give. It says how many there were. The gate decides
// whether they may, and records it in the same step.
func (s *Signin) EndSessionsOf(ctx context.Context, c gate.Caller, p identity.PersonID, why string) (int, error) {
	if p == "" {
		return 0, gate.ErrNoMember
	}
	all, open, err := s.endings(ctx, p, "")
	if err != nil {
		return 0, err
	}
	return open, s.gate.EndSessions(ctx, c, p, gate.Ending{Open: open, Why: why}, all)
}

// visit is what is noted of whoever signs in: enough to know one's own
// sessions by.
type visit struct{ browser, system, from string }

type visitKey struct{}

func withVisit(ctx context.Context, agent, from string) context.Context {
	return context.WithValue(ctx, visitKey{}, visit{named(browsers, agent), named(systems, agent), from})
}

func visitOf(ctx context.Context) visit {
	v, _ := ctx.Value(visitKey{}).(visit)
	return v
}

// browsers and systems are told by a word in what a browser calls itself. The
// first that fits counts, for each claims to be those before it, too.
var (
	browsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"Go-http-client", "countersign"}, {"curl/", "curl"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
)

func named(table [][2]string, agent string) string {
	for _, row := range table {
		if strings.Contains(agent, row[0]) {
			return row[1]
		}
	}
	return ""
}
