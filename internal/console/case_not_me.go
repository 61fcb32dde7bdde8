package console

import (
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

// caseNotMe is "this wasn't me" on the page of a case. It needs no more than
// the case code that opened the page: stopping is never wrong.
func (c *console) caseNotMe(w http.ResponseWriter, r *http.Request) error {
	if err := c.Signin.Admit(r, signin.Claims); err != nil {
		return c.caseTrouble(w, r, err)
	}
	v, err := c.ownCase(r)
	if err == nil {
		err = c.Gate.ReportCaller(r.Context(), gate.CallerReport{Case: v.Case, Note: "said on the page of the case: this wasn't me"})
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	c.Signin.ClearCaseCookie(w)
	return c.thank(w, r)
}
