package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	themeCookie    = "theme"
	preferenceLife = 365 * 24 * time.Hour
)

// preferences keeps how the reader wants to see the pages, in their browser
// and nowhere else.
func (c *console) preferences(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	for _, t := range tongues {
		if r.PostForm.Get("language") == t.tag.String() {
			c.remember(w, tongueCookie, t.tag.String())
		}
	}
	switch theme := r.PostForm.Get("theme"); theme {
	case "light", "dark", "auto":
		c.remember(w, themeCookie, theme)
	}
	http.Redirect(w, r, backTo(r), http.StatusSeeOther)
	return nil
}

func (c *console) remember(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(preferenceLife / time.Second), HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode})
}

// backTo is the page of this site that the form was sent from; it is read
// from the referrer, so that no page has to carry its own address.
func backTo(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// themeOf is the theme that the reader chose; "" is the system's.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}
