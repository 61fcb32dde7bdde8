package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"countersign/internal/gate"
)

//go:embed *.html
var templates embed.FS

// frame is what every page has around its body.
type frame struct {
	Organisation string
	Title        string
	Me           *gate.Me // nil unless staff is signed in
	Here         string   // the entry of the navigation this page is
	Alert        *trouble // what went wrong with the last step, if anything
	Body         any
}

// shared are the templates with what several pages show.
var shared = []string{"layout.html", "card.html"}

// loadPages parses each page together with what is shared. The templates are
// part of the program, so one that does not parse is a fault of the build.
func loadPages(a assets) map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(words).Funcs(template.FuncMap{"asset": a.url}).
		ParseFS(templates, shared...))
	names, err := fs.Glob(templates, "*.html")
	if err != nil {
		panic(err)
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		if !slices.Contains(shared, name) {
			page := template.Must(layout.Clone())
			pages[strings.TrimSuffix(name, path.Ext(name))] = template.Must(page.ParseFS(templates, name))
		}
	}
	return pages
}

// show writes a page. It is rendered whole before the first byte goes out, so
// nobody sees half a page.
func (c *console) show(w http.ResponseWriter, status int, page string, f frame) error {
	f.Organisation = c.Organisation
	var b bytes.Buffer
	if err := c.pages[page].ExecuteTemplate(&b, "layout", f); err != nil {
		return fmt.Errorf("console: rendering %s: %w", page, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader may have gone
	return nil
}
