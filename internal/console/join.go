package console

import "net/http"

// join redeems an invitation. The token is in the fragment of the link, which
// browsers do not send: only the page's script sees it, and it goes to the API
// in a body, so no log and no referrer ever holds it.
func (c *console) join(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, http.StatusOK, "join", frame{Title: msg("Join")})
}
