package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/reset"
)

// A session reads; what decides anything takes a signature of its own, by the
// passkey that opened the session.
var signed = map[string]bool{"decide": true, "review": true, "countersign-change": true, "attest": true, "create-token": true}

// unsigned are the changes that a staff session or a token makes by itself,
// and why that lets nobody in.
var unsigned = map[string]string{
	"open-request":        "decides nothing: the owner proves themselves, and approvers sign",
	"cancel-request":      "ends what might have become a reset",
	"observe":             "is always refused",
	"answer-callback":     "takes a code that only the owner's telephone heard",
	"look-up":             "reads, and is counted",
	"enrol":               "every address of the owner hears of it, and it counts after a cool-off",
	"report":              "only ever adds to what is asked",
	"show-proofing":       "reads",
	"proofing-statement":  "writes what is to be signed",
	"invite":              "a link; joining is countersigned",
	"invite-passkey":      "a link; the new passkey is countersigned",
	"withdraw-invitation": "takes a link back",
	"propose-change":      "is countersigned",
	"token-statement":     "writes what is to be signed",
	"revoke-token":        "shuts out",
	"end-session":         "shuts out",
	"end-other-sessions":  "shuts out",
	"end-sessions-of":     "shuts out; it stands on the ledger, security and the member hear of it",
	"sign-out":            "shuts out",
	"test-directory":      "reads",
	"test-mail":           "sends a letter that says nothing",
	"check-policy":        "computes", "diff-policies": "computes", "explain-policy": "computes",
	"prove-policy": "computes", "test-policy": "computes", "simulate-policy": "computes",
}

// contract is what is wanted of the API's description.
type contract struct {
	Paths map[string]map[string]struct {
		OperationID string           `json:"operationId"`
		Security    []map[string]any `json:"security"`
	}
}

func TestEveryChangeByStaffSaysWhetherItIsSigned(t *testing.T) {
	s := open(t, gatetest.Policy)
	seen := 0
	for path, operations := range into[contract](s.get("/openapi.json").ok(200)).Paths {
		for method, o := range operations {
			if strings.EqualFold(method, http.MethodGet) || len(o.Security) == 0 || o.Security[0]["bearer"] == nil {
				continue
			}
			seen++
			if _, free := unsigned[o.OperationID]; free == signed[o.OperationID] {
				t.Errorf("%s %s (%s): say in this test whether it takes a signature, and if not, why that lets nobody in", method, path, o.OperationID)
			}
		}
	}
	if seen != len(signed)+len(unsigned) {
		t.Errorf("there are %d such operations, and %d are spoken of", seen, len(signed)+len(unsigned))
	}
}

func TestASessionAloneDecidesNothing(t *testing.T) {
	c := man(t)
	c.Invite("staff:rowan", "Rowan Vale", "", identity.Officer)
	rowan := c.signIn("staff:rowan")
	proposal := into[struct{ ID string }](c.post("/roster/proposals", object{"kind": "remove_member", "person": gatetest.Finch}, as(c.officer)).ok(201)).ID
	moss := c.Person(gatetest.Moss)
	paper := into[gate.Paper](c.get(c.path("/statement?decision=approval"), as(c.manager)).ok(200))
	for name, assertion := range map[string]any{
		"nothing":             nil,
		"an empty one":        object{},
		"that of the sign-in": c.assertion(moss, []byte("a challenge of a sign-in, long ago")),
	} {
		for path, try := range map[string]struct {
			session string
			body    object
		}{
			c.path("/decisions"):                            {c.manager, object{"decision": "approval", "statement_id": paper.ID}},
			c.path("/reviews"):                              {c.security, object{"decision": "review-in-order", "statement_id": paper.ID}},
			"/roster/proposals/" + proposal + "/signatures": {rowan, object{}},
			"/proofings":                                    {c.security, object{"case": c.request.Case, "code": "0000", "document": "passport"}},
		} {
			if assertion != nil {
				try.body["assertion"] = assertion
			}
			if a := c.post(path, try.body, as(try.session)); a.code < 400 || a.code >= 500 {
				t.Errorf("%s with %s: %d %s", path, name, a.code, a.body)
			}
		}
	}
	if c.status() != reset.Approving {
		t.Errorf("the request stands at %s", c.status())
	}
	if v := into[gate.RosterView](c.get("/roster", as(rowan)).ok(200)); len(v.Proposals) != 1 || len(v.Proposals[0].Signers) != 0 {
		t.Errorf("proposals: %+v", v.Proposals)
	}
}
