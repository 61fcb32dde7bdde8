package console

import (
	"net/http"

	"countersign/internal/signin"
)

// caseCancel lets the person who proved themselves stop their own case.
func (c *console) caseCancel(w http.ResponseWriter, r *http.Request) error {
	token, err := c.requester(r, signin.Answers)
	if err == nil {
		_, err = c.Gate.CancelCase(r.Context(), token)
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	http.Redirect(w, r, "/case", http.StatusSeeOther)
	return nil
}

// caseLeave makes this browser forget the case. The case itself goes on.
func (c *console) caseLeave(w http.ResponseWriter, r *http.Request) error {
	c.Signin.ClearCaseCookie(w)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
