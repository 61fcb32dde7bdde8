// Package prove decides statements about a policy for every request there
// could be, not for samples.
//
// A Space is one satisfiability problem whose variables describe a request. The
// conditions of the policies and the plans they give are circuits over them. A
// question is a proposition, and Find answers it: no request is so, here is
// one, or this cannot be said.
//
//	s := prove.NewSpace(p)
//	plan := s.Of(0)
//	weak := s.And(plan.Class(identity.Privileged), plan.Denied.Not(), plan.ApproversAtLeast(2).Not())
//	answer := s.Find(weak, specimen.Ordinary(), func(f policy.Facts) bool { … })
//
// Neither answer is ever wrong. Every request has an assignment that keeps all
// the clauses and says of it what is so; an abstraction may be too wide, never
// too narrow, and so what is impossible in the Space is impossible. What is
// possible there is made into facts and shown to the policy itself, and only
// what that agrees with is a request found.
//
// docs/design/0009-proving-a-policy.md says how, and what cannot be said.
package prove
