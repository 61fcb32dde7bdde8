package lint

import (
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// accept marks the findings that the policy accepts. Only what somebody could
// decide to live with is for accepting: a policy that does not load is not.
func accept(accepted []policy.Accepted, t source, found []Finding) []Finding {
	for i, a := range accepted {
		used := false
		for j, f := range found {
			if f.Code == a.Finding && (a.At == "" || a.At == f.At) {
				found[j].Accepted = a.Because
				used = true
			}
		}
		if !used {
			found = append(found, idle(a, t, i))
		}
	}
	return found
}

func idle(a policy.Accepted, t source, i int) Finding {
	k := kindOf(acceptedNothing)
	where := t.at(entry("accepted", i) + ".finding")
	f := Finding{Code: k.Code, Severity: k.Severity, Line: where.line, Column: where.column, Path: where.path, At: a.At,
		Message: "this accepts `" + a.Finding + "`, which is not found", Way: k.Way}
	if a.At != "" {
		f.Message = "this accepts `" + a.Finding + "` at `" + a.At + "`, which is not found there"
	}
	if codes := Codes(); !slices.Contains(codes, a.Finding) {
		f.Message = "there is no finding `" + a.Finding + "`"
		if near := identity.Nearest(a.Finding, codes); near != "" {
			f.Way = "did you mean `" + near + "`?"
		}
	}
	return f
}
