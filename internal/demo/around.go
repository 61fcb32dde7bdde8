package demo

import (
	"bytes"
	"embed"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"countersign/internal/client"
)

// side is what the demo puts around the product when the play is over: a page
// on which one becomes anybody of the cast, their security keys, and a panel
// with telephones and mailboxes. The product knows nothing of it.
type side struct {
	*play
	next   http.Handler
	open   atomic.Bool // not before the play is over
	opened time.Time
	reader client.Client // a program's token, to look at what is committed
	pages  *template.Template

	mu    sync.Mutex
	join  string           // where the visitor joins as themselves
	keys  []holder         // whose security keys the demo has
	marks map[mark]bool    // what the audience has looked at
	tried map[string]trial // by request: what its timeline says
	cache board
}

//go:embed web
var web embed.FS

// around is the app's hook. Nothing of the demo answers before enter.
func (p *play) around(next http.Handler) http.Handler {
	p.side = &side{play: p, next: next, marks: map[mark]bool{}, tried: map[string]trial{}}
	return p.side.handler()
}

// enter lets the audience in.
func (s *side) enter(reader client.Client) {
	s.opened, s.reader = s.clock.now().Truncate(time.Millisecond), reader
	s.pages = template.Must(template.New("").ParseFS(web, "web/*.html"))
	s.keys = s.keyring()
	s.open.Store(true)
}

// invitation is where the visitor joins the roster as themselves.
func (s *side) invitation(link string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.join = link
}

func (s *side) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo", s.castPage)
	mux.HandleFunc("POST /demo/become", s.become)
	mux.HandleFunc("POST /demo/passkey/who", s.whoseKey)
	mux.HandleFunc("POST /demo/passkey/get", s.touch)
	mux.HandleFunc("POST /demo/passkey/create", s.makeKey)
	mux.HandleFunc("GET /demo/post.json", s.post)
	mux.HandleFunc("GET /demo/verify/{request}", s.verifyPage)
	mux.HandleFunc("GET /demo/demo.js", file)
	mux.HandleFunc("GET /demo/demo.css", file)
	mux.HandleFunc("/demo/", s.nowhere)
	mux.HandleFunc("/", s.product)
	// Other sites' pages cannot press buttons here, nor read the mailboxes by
	// pointing a name of theirs at this machine.
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.open.Load():
			s.next.ServeHTTP(w, r)
		case "http://"+r.Host != s.cfg.BaseURL && ours(r.URL.Path):
			http.Error(w, "The demo is at "+s.cfg.BaseURL+"/demo", http.StatusMisdirectedRequest)
		case ours(r.URL.Path):
			guarded.ServeHTTP(w, r)
		default:
			s.product(w, r)
		}
	})
}

func ours(at string) bool { return at == "/demo" || len(at) > 5 && at[:6] == "/demo/" }

// product serves the product, with the demo's script on its pages.
func (s *side) product(w http.ResponseWriter, r *http.Request) {
	r = r.Clone(r.Context())
	if !strings.HasPrefix(r.URL.Path, "/assets/") {
		r.Header.Del("Accept-Encoding") // what is to be written into cannot be compressed
	}
	page := &page{ResponseWriter: w}
	s.next.ServeHTTP(page, r)
	page.finish()
	s.noticed(r, page.status)
}

// nowhere answers as the product does.
func (s *side) nowhere(w http.ResponseWriter, r *http.Request) { s.product(w, r) }

func file(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	data, err := web.ReadFile("web/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}
