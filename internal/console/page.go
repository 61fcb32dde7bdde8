package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"countersign/internal/gate"
)

//go:embed *.html
var templates embed.FS

// frame is what every page has around its body.
type frame struct {
	Title message
	Me    *gate.Me // nil unless staff is signed in
	Here  string   // the entry of the navigation this page is: entry.Name
	Alert *trouble // what went wrong with the last step, if anything
	// Live names the stream of events that the page listens to: "requests",
	// "case", or "request:" and an id. What has an id and data-live in the
	// page is then kept fresh. "": the page stays as it is.
	Live string
	// Public pages are the same for everybody, and search engines may list
	// them: who looks for their helpdesk finds the true one. What is about a
	// case, or stands behind a link from a message, is for nobody else.
	Public bool
	Body   any

	// What show fills in.
	Organisation string
	Language     string
	Theme        string // "light", "dark"; "" is the system's
	Tongues      []*tongue
	Sections     []section
	Words        string // the script with the texts of the scripts, where they are not English
}

// Unlisted reports whether the page asks search engines to leave it out. Where
// one has to sign in they do not come.
func (f frame) Unlisted() bool { return !f.Public && f.Me == nil }

// Stream is the address of the events that the page listens to.
func (f frame) Stream() string {
	switch {
	case f.Live == "":
		return ""
	case strings.HasPrefix(f.Live, "request:"):
		return "/api/v1/requests/" + strings.TrimPrefix(f.Live, "request:") + "/events"
	case f.Live == "case":
		return "/api/v1/case/events"
	}
	return "/api/v1/requests/events"
}

// Look is the address where a live page can be looked at again, for what a form
// brought about is drawn at the form's address; "" is its own.
func (f frame) Look() string {
	if id, ok := strings.CutPrefix(f.Live, "request:"); ok {
		return "/requests/" + id
	}
	if f.Live == "case" {
		return "/case"
	}
	return ""
}

// shared are the templates with what several pages show.
var shared = []string{"layout.html", "card.html", "policy_parts.html", "unusual.html", "ledger_check.html", "roster_parts.html", "case_table.html"}

// pages are the templates of all pages in one language, by name.
type pages map[string]*template.Template

// built is what the program has in it: the same for every console.
var built = sync.OnceValues(func() (b struct {
	assets assets
	pages  map[*tongue]pages
}, err error) {
	if b.assets, err = loadAssets(); err != nil {
		return b, err
	}
	b.pages = map[*tongue]pages{}
	for _, t := range tongues {
		b.pages[t] = loadPages(b.assets, t)
	}
	return b, nil
})

// loadPages parses each page together with what is shared, once for every
// language. The templates are part of the program, so one that does not parse
// is a fault of the build.
func loadPages(a assets, t *tongue) pages {
	layout := template.Must(template.New("layout.html").Funcs(words(t)).Funcs(template.FuncMap{"asset": a.url, "icon": a.icon}).
		ParseFS(templates, shared...))
	names, err := fs.Glob(templates, "*.html")
	if err != nil {
		panic(err)
	}
	all := pages{}
	for _, name := range names {
		if !slices.Contains(shared, name) {
			page := template.Must(layout.Clone())
			all[strings.TrimSuffix(name, path.Ext(name))] = template.Must(page.ParseFS(templates, name))
		}
	}
	return all
}

// icon draws one of the sprite's icons. It never says anything by itself: the
// words stand beside it.
func (a assets) icon(name string) (template.HTML, error) {
	if !bytes.Contains(a.sprite, []byte(`id="`+name+`"`)) {
		return "", fmt.Errorf("console: there is no icon %q: add it to web/icons.json and run `make assets`", name)
	}
	return template.HTML(`<svg class="icon" aria-hidden="true" focusable="false"><use href="` + a.url("icons.svg") + `#` + name + `"/></svg>`), nil //nolint:gosec // the name is one of the sprite's
}

// show writes a page in the reader's language. It is rendered whole before the
// first byte goes out, so nobody sees half a page.
func (c *console) show(w http.ResponseWriter, r *http.Request, status int, page string, f frame) error {
	t := tongueOf(r)
	f.Organisation, f.Language, f.Theme, f.Tongues = c.Organisation, t.tag.String(), themeOf(r), tongues
	if t != english {
		f.Words = "words-" + t.Tag() + ".js"
	}
	if f.Me != nil {
		f.Sections = c.withoutSetup(r, sections(*f.Me))
	}
	var b bytes.Buffer
	template, ok := c.pages[t][page]
	if !ok {
		return fmt.Errorf("console: there is no page %s", page)
	}
	if err := template.ExecuteTemplate(&b, "layout", f); err != nil {
		return fmt.Errorf("console: rendering %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding, Accept-Language, Cookie")
	body := b.Bytes()
	// Only staff's pages are squeezed: no other site can make a browser ask for
	// them with its cookie, so nothing can be learnt from how small they get.
	if f.Me != nil && unzips(r) {
		h.Set("Content-Encoding", "gzip")
		body = squeeze(body, gzip.BestSpeed)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader may have gone
	return nil
}
