// Package dispatch is the hands: the only place that holds rights to change a
// directory. It believes nobody. Before it acts it fetches the evidence,
// verifies it against its own trust roots, reads the account with its own
// credentials and plans again. Then marker, connector, receipt, in that order;
// what a crash interrupts is reconciled by reading the target.
package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/evidence"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

// Door is what the hands need of the door: evidence, and a way to record.
type Door interface {
	Evidence(ctx context.Context, request string) (evidence.Bundle, error)
	Mark(ctx context.Context, request, order string, forClaimant, forHands []byte) error
	HandsSecret(ctx context.Context, order string) ([]byte, error)
	Receive(ctx context.Context, request string, r reset.Received) (reset.State, error)
	Withdraw(ctx context.Context, request, order, reason string) error
	FollowUp(ctx context.Context, request string, f reset.FollowedUp) error
}

// Options is what the hands work with.
type Options struct {
	Door   Door
	Actors []directory.Directory // with credentials that may change things
	Roots  func() (evidence.Roots, error)
	Box    *sealing.Box // seals what the hands keep for reconciliation
	Now    func() time.Time
	Log    *slog.Logger
}

// Hands carries out orders.
type Hands struct {
	Options
	actors map[string]directory.Directory
}

// New returns hands that act on the given directories.
func New(o Options) *Hands {
	h := &Hands{Options: o, actors: map[string]directory.Directory{}}
	for _, d := range o.Actors {
		h.actors[d.Name()] = d
	}
	return h
}

// Handlers are the jobs the hands do.
func (h *Hands) Handlers() map[string]store.Handler {
	return map[string]store.Handler{"dispatch": h.dispatch, "follow_up": h.followUp}
}

func requestOf(a store.Attempt) (string, error) {
	var args struct {
		Request string `json:"request"`
	}
	if err := json.Unmarshal(a.Args, &args); err != nil || args.Request == "" {
		return "", fmt.Errorf("dispatch: %w: the job names no request", store.ErrDrop)
	}
	return args.Request, nil
}

func (h *Hands) now() time.Time { return h.Now().UTC().Truncate(time.Millisecond) }

// dispatch does one order, or finds out what became of it.
func (h *Hands) dispatch(ctx context.Context, a store.Attempt) error {
	request, err := requestOf(a)
	if err != nil {
		return err
	}
	report, err := h.verified(ctx, request)
	if err != nil {
		return err
	}
	s := report.State
	switch s.Status() {
	case reset.OrderedUp:
		return h.act(ctx, report)
	case reset.Dispatching, reset.Uncertain:
		return h.reconcile(ctx, s)
	}
	return nil // done by an earlier run, or ended before its time
}

// verified fetches the evidence and replays it. Evidence that does not hold is
// an alarm, and the end of the job: nothing is done, and the request runs out.
func (h *Hands) verified(ctx context.Context, request string) (evidence.Report, error) {
	roots, err := h.Roots()
	if err != nil {
		return evidence.Report{}, fmt.Errorf("dispatch: trust roots: %w", err)
	}
	b, err := h.Door.Evidence(ctx, request)
	if err != nil {
		return evidence.Report{}, fmt.Errorf("dispatch: fetching evidence: %w", err)
	}
	report := evidence.Verify(b, roots, h.now())
	if report.Verdict == evidence.NotAllowed {
		why := report.Steps[len(report.Steps)-1].Detail
		h.Log.Error("the evidence of an order does not hold; nothing was done", "request", request, "why", why)
		return report, fmt.Errorf("dispatch: %w: the evidence of %s does not hold: %s", store.ErrDrop, request, why)
	}
	return report, nil
}

// act carries out a verified order.
func (h *Hands) act(ctx context.Context, report evidence.Report) error {
	s := report.State
	d, ok := h.actors[s.Subject.Directory()]
	if !ok {
		return h.withdraw(ctx, s, "the hands hold no credentials for this directory")
	}
	account, err := d.Lookup(ctx, s.Subject)
	if errors.Is(err, directory.ErrNotFound) {
		return h.withdraw(ctx, s, "the account is no longer there")
	}
	if err != nil {
		return fmt.Errorf("dispatch: reading the account: %w", err)
	}
	fresh := s.Facts
	fresh.At = h.now()
	fresh.Subject = account.Facts()
	fresh.Subject.Staff = report.Roster.StaffRoles(account.Person)
	fresh.Subject.Enrolled, fresh.Subject.Fenced, fresh.Subject.OnProbation = s.Facts.Subject.Enrolled, s.Facts.Subject.Fenced, s.Facts.Subject.OnProbation
	if err := evidence.Recheck(report, fresh, h.now()); err != nil {
		h.Log.Error("an order was refused by the hands", "request", s.ID, "why", err)
		return h.withdraw(ctx, s, "the facts read by the hands do not allow it")
	}
	secret, err := h.mark(ctx, s)
	if err != nil || secret == vetoed {
		return err
	}
	r := h.perform(ctx, d, s, secret)
	return h.receive(ctx, s, r)
}

// vetoed stands for "the marker was refused": never a secret, which has no
// such form.
const vetoed = "-"

// mark writes the marker and what is sealed beside it.
func (h *Hands) mark(ctx context.Context, s reset.State) (secret string, err error) {
	var forClaimant, forHands []byte
	if s.Action == identity.PasswordReset {
		secret = newPassword()
		if forClaimant, err = sealing.SealTo(s.Order.Recipient, []byte(secret)); err != nil {
			return "", h.withdraw(ctx, s, "the new secret cannot be sealed to the claimant")
		}
		if forHands, err = h.Box.Seal([]byte(secret)); err != nil {
			return "", err
		}
	}
	err = h.Door.Mark(ctx, s.ID, s.Order.Order, forClaimant, forHands)
	if reset.CodeOf(err) != "" {
		h.Log.Info("an order was ended before its dispatch", "request", s.ID, "why", err)
		return vetoed, nil
	}
	if err != nil {
		return vetoed, fmt.Errorf("dispatch: writing the marker: %w", err)
	}
	return secret, nil
}

// perform is the one call that changes a directory, where the action has one to
// change.
func (h *Hands) perform(ctx context.Context, d directory.Directory, s reset.State, secret string) reset.Received {
	r := reset.Received{Order: s.Order.Order}
	if s.Action == identity.InitialEnrolment {
		r.Outcome, r.Notes = reset.Applied, []string{enrolmentOpen}
		return r
	}
	began := h.now()
	out, err := change(ctx, d, s, secret)
	switch {
	case err == nil && out.Applied:
		r.Outcome, r.OldDead, r.Notes, r.Reported = reset.Applied, out.OldDead, out.Notes, true
		if s.Action == identity.MFAReset {
			return h.confirmFactors(ctx, d, s, began, r)
		}
		return h.confirm(ctx, d, s, secret, r)
	case errors.Is(err, directory.ErrRefused):
		r.Outcome, r.Notes = reset.NotApplied, []string{"the directory declined the change"}
	case errors.Is(err, directory.ErrUnreachable), errors.Is(err, directory.ErrNotFound):
		r.Outcome, r.Notes = reset.NotApplied, []string{"the directory could not be reached; nothing was sent"}
	default:
		r.Outcome, r.Notes = reset.NotKnown, []string{"the change was sent and its outcome is not known yet"}
	}
	h.Log.Warn("an order was not confirmed", "request", s.ID, "order", r.Order, "outcome", r.Outcome, "error", err)
	return r
}

func change(ctx context.Context, d directory.Directory, s reset.State, secret string) (directory.Outcome, error) {
	switch s.Action {
	case identity.PasswordReset:
		if r, ok := d.(directory.PasswordResetter); ok {
			return r.ResetPassword(ctx, s.Subject, secret, s.Order.MustChange)
		}
	case identity.MFAReset:
		if r, ok := d.(directory.FactorResetter); ok {
			return r.ResetFactors(ctx, s.Subject)
		}
	case identity.Unlock:
		if u, ok := d.(directory.Unlocker); ok {
			return u.Unlock(ctx, s.Subject)
		}
	}
	return directory.Outcome{}, fmt.Errorf("%w: this directory cannot do %s", directory.ErrRefused, s.Action)
}

// confirm signs in with the new secret: a directory that reports success and
// refuses the secret is not believed.
func (h *Hands) confirm(ctx context.Context, d directory.Directory, s reset.State, secret string, r reset.Received) reset.Received {
	v, ok := d.(directory.Verifier)
	if !ok || s.Action != identity.PasswordReset {
		return r
	}
	switch err := v.VerifyPassword(ctx, s.Subject, secret); {
	case err == nil:
		r.Notes = append(slices.Clone(r.Notes), "the new secret was confirmed by a sign-in")
	case errors.Is(err, directory.ErrBadCredential):
		h.Log.Error("a directory reported success but refuses the new secret", "request", s.ID, "order", r.Order)
		r.Outcome, r.Notes = reset.NotKnown, []string{"the directory reported success but refuses the new secret"}
	default:
		r.Notes = append(slices.Clone(r.Notes), "the new secret could not be tried out")
	}
	return r
}

// receive records a receipt. When that fails the job comes again and finds
// the marker, so it reads the target instead of acting.
func (h *Hands) receive(ctx context.Context, s reset.State, r reset.Received) error {
	// The change may be out: its receipt must not be lost to a caller who
	// has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_, err := h.Door.Receive(ctx, s.ID, r)
	if reset.CodeOf(err) == reset.IllegalTransition {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dispatch: recording the receipt: %w", err)
	}
	if r.Outcome == reset.NotKnown {
		return fmt.Errorf("dispatch: the outcome of %s is not known yet", r.Order)
	}
	return nil
}

func (h *Hands) withdraw(ctx context.Context, s reset.State, why string) error {
	err := h.Door.Withdraw(ctx, s.ID, s.Order.Order, why)
	if reset.CodeOf(err) != "" {
		return nil
	}
	return err
}

// newPassword makes a temporary password: five groups of capital, small
// letter, digit, small letter without look-alikes, about 80 bits, and of the
// mixture that directories insist on.
func newPassword() string {
	groups := make([]string, 5)
	for i := range groups {
		var b strings.Builder
		for _, letters := range []string{"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789", "abcdefghijkmnpqrstuvwxyz"} {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
			if err != nil {
				panic("dispatch: no randomness: " + err.Error())
			}
			b.WriteByte(letters[n.Int64()])
		}
		groups[i] = b.String()
	}
	return strings.Join(groups, "-")
}
