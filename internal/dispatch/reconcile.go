package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// settle is how long after the marker a change may still be under way
// somewhere: before that, "not there" does not mean "not coming".
const settle = 2 * time.Minute

// reconcile finds out what became of an order whose marker is written and
// whose receipt is not, or does not know. It only reads. What cannot be learnt
// is recorded as not known, and tried again.
func (h *Hands) reconcile(ctx context.Context, s reset.State) error {
	outcome, note, err := h.learn(ctx, s)
	if err != nil {
		h.Log.Warn("an outcome could not be learnt yet", "request", s.ID, "order", s.Order.Order, "error", err)
		if s.Status() == reset.Uncertain {
			return err
		}
		outcome, note = reset.NotKnown, "the outcome could not be learnt yet"
	}
	return h.receive(ctx, s, reset.Received{
		Order: s.Order.Order, Outcome: outcome, OldDead: oldDead(s, outcome), Reconciled: true, Notes: []string{note},
	})
}

func oldDead(s reset.State, o reset.Outcome) string {
	switch {
	case o != reset.Applied:
		return ""
	case s.Action == identity.PasswordReset:
		return "unknown"
	case s.Action == identity.MFAReset:
		return "dead" // none of them is why it counts as applied
	}
	return ""
}

func (h *Hands) learn(ctx context.Context, s reset.State) (reset.Outcome, string, error) {
	if s.Action == identity.InitialEnrolment {
		return reset.Applied, enrolmentOpen, nil
	}
	d, ok := h.actors[s.Subject.Directory()]
	if !ok {
		return "", "", errors.New("dispatch: no credentials for this directory")
	}
	switch s.Action {
	case identity.Unlock:
		return h.learnLock(ctx, d, s)
	case identity.MFAReset:
		return h.learnFactors(ctx, d, s)
	default:
		return h.learnPassword(ctx, d, s)
	}
}

func (h *Hands) learnLock(ctx context.Context, d directory.Directory, s reset.State) (reset.Outcome, string, error) {
	a, err := d.Lookup(ctx, s.Subject)
	if err != nil {
		return "", "", fmt.Errorf("dispatch: reading the account: %w", err)
	}
	if a.Locked {
		return reset.NotApplied, "the account was found still locked", h.conclusive(s)
	}
	return reset.Applied, "the account was found unlocked", nil
}

func (h *Hands) learnPassword(ctx context.Context, d directory.Directory, s reset.State) (reset.Outcome, string, error) {
	v, ok := d.(directory.Verifier)
	if !ok {
		return "", "", errors.New("dispatch: this directory cannot try a secret out")
	}
	sealed, err := h.Door.HandsSecret(ctx, s.Order.Order)
	if err != nil {
		return "", "", err
	}
	secret, err := h.Box.Open(sealed)
	if err != nil {
		return "", "", fmt.Errorf("dispatch: opening what was kept for reconciliation: %w", err)
	}
	switch err := v.VerifyPassword(ctx, s.Subject, string(secret)); {
	case err == nil:
		return reset.Applied, "the new secret was found to work" + h.unmarked(ctx, d, s), nil
	case errors.Is(err, directory.ErrBadCredential):
		return reset.NotApplied, "the new secret was found not to work", h.conclusive(s)
	default:
		return "", "", fmt.Errorf("dispatch: trying the new secret: %w", err)
	}
}

// conclusive says why what was not found may be there all the same: it may
// still be coming, or the directory said it was there.
func (h *Hands) conclusive(s reset.State) error {
	switch {
	case s.Receipt != nil && s.Receipt.Reported:
		return errors.New("dispatch: the directory reported success, and the change is not found")
	case s.Order.MarkedAt == nil || h.now().Before(s.Order.MarkedAt.Add(settle)):
		return errors.New("dispatch: the change is not found, and may still be under way")
	}
	return nil
}

// unmarked says so when a directory took the new secret and not the mark that
// demands another one: on some these are two writes.
func (h *Hands) unmarked(ctx context.Context, d directory.Directory, s reset.State) string {
	if !s.Order.MustChange {
		return ""
	}
	a, err := d.Lookup(ctx, s.Subject)
	switch {
	case err != nil:
		return "; whether it has to be changed at the next sign-in could not be read"
	case !a.MustChange:
		h.Log.Error("a new secret was set without the mark that it has to be changed", "request", s.ID, "order", s.Order.Order)
		return "; it does not have to be changed at the next sign-in, because the directory lacks the mark"
	}
	return ""
}

// followUp does what the reset entails, each once, and records what came of
// it. What a directory cannot do is recorded as such, not passed over.
func (h *Hands) followUp(ctx context.Context, a store.Attempt) error {
	request, err := requestOf(a)
	if err != nil {
		return err
	}
	report, err := h.verified(ctx, request)
	if err != nil {
		return err
	}
	s := report.State
	if s.Status() != reset.Done {
		return nil
	}
	var faults []error
	for _, kind := range s.Plan.FollowUp {
		done := func(f reset.FollowedUp) bool { return f.Kind == kind && f.Outcome != "failed" }
		if slices.ContainsFunc(s.FollowUps, done) {
			continue
		}
		f, fault := h.entail(ctx, s, kind)
		if fault != nil && a.Number < a.Max {
			faults = append(faults, fault)
			continue
		}
		if err := h.Door.FollowUp(ctx, s.ID, f); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (h *Hands) entail(ctx context.Context, s reset.State, kind string) (reset.FollowedUp, error) {
	f := reset.FollowedUp{Kind: kind, Outcome: "not_supported", Note: "the directory offers no way to do this"}
	r, ok := h.actors[s.Subject.Directory()].(directory.SessionRevoker)
	if kind != "revoke_sessions" || !ok {
		return f, nil
	}
	out, err := r.RevokeSessions(ctx, s.Subject)
	if err == nil && out.Applied {
		f.Outcome, f.Note = "confirmed", ""
		return f, nil
	}
	h.Log.Error("a follow-up failed", "request", s.ID, "kind", kind, "error", err)
	f.Outcome, f.Note = "failed", "the directory did not confirm it"
	return f, errors.Join(err, errors.New("dispatch: a follow-up was not confirmed"))
}
