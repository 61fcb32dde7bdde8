package demo

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/internal/client"
	"countersign/internal/identity"
)

// step is one line of the guide. It is done when what is committed says so.
type step struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Who   string `json:"who"`  // whom one becomes for it
	Name  string `json:"name"` // what they are called
	Next  string `json:"next"` // where they go
	Done  bool   `json:"done"`
}

// trial is what a request's timeline says of it.
type trial struct {
	version      uint64
	wrong, shown bool
}

func trialOf(version uint64, moments []client.Moment) trial {
	has := func(kind string) bool {
		return slices.ContainsFunc(moments, func(m client.Moment) bool { return m.Type == kind })
	}
	return trial{version, has("answer_refused"), has("revealed")}
}

// mark is something that the audience looked at: it changes nothing, so nothing
// is committed that would tell.
type mark struct{ what, request string }

const (
	sawRecord = "record"
	verified  = "verified"
	turned    = "turned away"
)

var recordPath = regexp.MustCompile(`^/requests/(req_[0-9a-f-]+)$`)

// noticed marks what somebody of the cast was shown, or was refused.
func (s *side) noticed(r *http.Request, status int) {
	at := recordPath.FindStringSubmatch(r.URL.Path)
	switch {
	case r.Method != http.MethodGet:
		s.mu.Lock()
		s.cache.at = time.Time{} // something may have been committed
		s.mu.Unlock()
	case at != nil && r.Method == http.MethodGet && status == http.StatusOK:
		if slices.Contains(s.visitor(r).Roles, identity.Security) {
			s.mark(sawRecord, at[1])
		}
	case status == http.StatusForbidden && strings.HasPrefix(r.URL.Path, "/requests/") && strings.HasSuffix(r.URL.Path, "/sign"):
		if slices.Contains(s.visitor(r).Roles, identity.Agent) {
			s.mark(turned, "")
		}
	}
}

func (s *side) mark(what, request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks[mark{what, request}] = true
}

func (s *side) marked(what, request string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks[mark{what, request}]
}

// story is the request that the guide follows: the newest new password for the employee
// who forgot theirs, of those that came far enough.
func (s *side) story(b board) (r client.Request) {
	id := s.owners[forgotLogin].id
	for _, x := range b.requests {
		if x.Subject.Account == id && x.Action == identity.PasswordReset && (x.IsOpen() || x.Status == "done") {
			return x
		}
	}
	return r
}

// steps are the five minutes.
func (s *side) steps(b board) []step {
	r := s.story(b)
	opened := r.ID != ""
	record, proof := "/requests", "/demo"
	if opened {
		record, proof = "/requests/"+r.ID, "/demo/verify/"+r.ID
	}
	signed := slices.ContainsFunc(r.Approvals, func(a client.Signature) bool { return a.Decision == "approval" && a.Counts })
	return []step{
		{"Open a case", "A. Dahl rings and has forgotten the password. Open a case for a.dahl: a new password, by telephone.", agentLogin, "P. Cole", "/home", opened},
		{"Prove yourself", "Open the case with the code that the desk read out, and prove that it is you: the app is enough.", forgotLogin, "A. Dahl", "/case", opened && len(r.Proved) > 0 && r.Status != "proving"},
		{"Sign", "Read what would be done, and sign exactly those lines.", managerLogin, "N. Berg", "/approvals", signed},
		{"See the new password", "Look at the new password. It is shown once, to you alone.", forgotLogin, "A. Dahl", "/case", s.trial(r.ID).shown},
		{"Look at the record", "Look at the record: who did what, and what it rested on.", founderLogin, "S. Lund", record, opened && s.marked(sawRecord, r.ID)},
		{"Verify it", "Trust nobody: verify the file of this reset, and the same with one byte changed.", auditorLogin, "E. Quist", proof, opened && s.marked(verified, r.ID)},
	}
}

func (s *side) trial(id string) trial {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried[id]
}

// tries are attacks for who has a minute more.
func (s *side) tries(b board) []step {
	wrong := slices.ContainsFunc(b.requests, func(r client.Request) bool { return s.trial(r.ID).wrong })
	stopped := slices.ContainsFunc(b.requests, func(r client.Request) bool { return r.Repudiated })
	sign := "/approvals"
	if len(b.requests) > 0 {
		sign = "/requests/" + b.requests[0].ID + "/sign?decision=approval"
	}
	return []step{
		{"Guess", "Be a caller who knows everything: open a case for a.dahl, then guess its codes.", forgotLogin, "the caller", "/case", wrong},
		{"Object", "Open one more, and follow the link “this wasn't me” in the letter to A. Dahl.", agentLogin, "P. Cole", "/home", stopped},
		{"Skip", "Skip the manager: approve a request as the agent who opened it.", agentLogin, "P. Cole", sign, s.marked(turned, "")},
	}
}
