package console

import "net/http"

// join redeems an invitation. The token is in the fragment of the link, which
// browsers do not send: only the page's script sees it, and it goes to the API
// in a body, so no log and no referrer ever holds it.
func (c *console) join(w http.ResponseWriter, _ *http.Request) error {
	return c.show(w, http.StatusOK, "join", frame{Title: "Join"})
}
