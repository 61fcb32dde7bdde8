package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/proof/recoverycode"
)

func (p *play) castAndPolicy(ctx context.Context) error {
	p.title("The cast and the policy")
	if err := p.act("founding the house", func() error { return p.settle(ctx) }); err != nil {
		return err
	}
	p.line("   %-8s  %-8s  %s", ownerLogin, ownerName, "owner of the account; has a recovery code in a drawer and a mailbox on record")
	for _, a := range actors()[:onStage] {
		p.line("   %-8s  %-8s  %s (%s)", a.login, a.name, a.part, words(a.roles))
	}
	p.tell("%d more are on the roster, and %d more own accounts. They have their entrance when the play is over.", len(actors())-onStage, len(owners())-1)
	p.gap()
	p.tell("The policy in force, signed by S. Lund with the roster's founding entry, says of a forgotten password:")
	p.gap()
	p.quote(excerpt("  - rule: password", "  - rule: unlock"))
	p.gap()
	p.tell("On the server's clock all of this happened ninety days ago: what was enrolled within the last three days would not count.")
	p.gap()
	if err := p.act("the days before", func() error { return p.history(ctx) }); err != nil {
		return err
	}
	p.tell("From here on the clock shows the real time.")
	p.clock.today()
	return p.act("signing in", func() error {
		for login, who := range map[string]string{founderLogin: "security", agentLogin: "agent", managerLogin: "manager"} {
			if err := p.signIn(ctx, p.cast[login]); err != nil {
				return err
			}
			p.cast[login].api = p.cast[login].api.Watched(p.call(who))
		}
		return nil
	})
}

func excerpt(from, to string) string {
	_, text, _ := strings.Cut(string(policyText), from)
	text, _, _ = strings.Cut(text, to)
	return from + text
}

func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

func wish() client.Wish {
	return client.Wish{Login: ownerLogin, Action: identity.PasswordReset, Channel: identity.Phone, Ticket: "INC-2041"}
}

// rightAnswers: a caller who knows everything about M. Ito and holds nothing.
func (p *play) rightAnswers(ctx context.Context) error {
	p.title("A caller with all the right answers, and no proof")
	p.tell("Somebody rings as M. Ito. They know the employee number, the date of birth and the manager's name, and they are in a hurry. P. Cole opens a request and reads out the case code.")
	p.gap()
	agent, caller := p.cast[agentLogin].api, p.api.Watched(p.call("caller"))
	err := p.act("a caller who only knows gets nowhere", func() error {
		r, err := agent.Open(ctx, wish())
		if err != nil {
			return err
		}
		p.reset = r
		session, view, err := caller.Claim(ctx, r.Case)
		if err != nil {
			return err
		}
		caller = caller.As(session)
		if err := want(len(view.Paths) == 1 && view.Status == "proving", "the case stands at %s with paths %v", view.Status, view.Paths); err != nil {
			return err
		}
		return p.guess(ctx, caller)
	})
	if err != nil {
		return err
	}
	p.gap()
	p.so("There is no method for things that can be known: nothing takes them, so nobody can be talked into it.")
	p.so("The code went to the mailbox that was on record for ninety days, not to an address the caller named.")
	p.so("No answer, no secret; and the agent cannot see one either.")
	return nil
}

func (p *play) guess(ctx context.Context, caller client.Client) error {
	p.try("to answer a security question instead")
	_, err := caller.Challenge(ctx, "security_question")
	if err := refused(err, "invalid"); err != nil {
		return err
	}
	p.try("to guess the code that was sent to the mailbox on record")
	prompt, err := caller.Challenge(ctx, "email_code")
	if err != nil {
		return err
	}
	_, err = caller.Answer(ctx, prompt.Challenge, "1234 5678")
	if err := refused(err, "answer_refused"); err != nil {
		return err
	}
	p.try("to make recovery codes up")
	if prompt, err = caller.Challenge(ctx, "recovery_code"); err != nil {
		return err
	}
	for _, tried := range []string{wrongRecovery(p.recovery, 1), wrongRecovery(p.recovery, 2)} {
		_, err = caller.Answer(ctx, prompt.Challenge, tried)
		if err := refused(err, "answer_refused"); err != nil {
			return err
		}
	}
	p.try("to fetch the new secret all the same, and then the agent does")
	_, err = caller.Secret(ctx)
	if err := refused(err, "illegal_transition"); err != nil {
		return err
	}
	_, err = p.cast[agentLogin].api.Secret(ctx)
	return refused(err, "session_unknown")
}

// impatience: an agent who wants the caller off the line.
func (p *play) impatience(ctx context.Context) error {
	p.title("An impatient agent cannot skip")
	p.tell("The caller shouts. P. Cole has a session, the API, and good intentions.")
	p.gap()
	agent := p.cast[agentLogin].api
	tries := []struct {
		name, code string
		do         func() error
	}{
		{"approve it themselves", "forbidden", func() error { _, err := agent.Statement(ctx, p.reset.ID, "approval"); return err }},
		{"set the status", "method_not_allowed", func() error {
			return agent.Do(ctx, http.MethodPatch, "/requests/"+p.reset.ID, map[string]any{"status": "done"}, nil)
		}},
		{"choose a lower tier", "unknown_field", func() error {
			return agent.Do(ctx, http.MethodPost, "/requests", map[string]any{"login": ownerLogin, "action": "password_reset", "channel": "phone", "tier": "low"}, nil)
		}},
		{"send the code somewhere else", "unknown_field", func() error {
			return agent.Do(ctx, http.MethodPost, "/requests", map[string]any{"login": ownerLogin, "action": "password_reset", "channel": "phone", "email": "caller@elsewhere.example"}, nil)
		}},
		{"enrol a new factor for them", "forbidden", func() error { _, err := agent.Enrol(ctx, "people", ownerLogin, "totp"); return err }},
		{"reset their own account", "separation_of_duties", func() error {
			_, err := agent.Open(ctx, client.Wish{Login: "p.cole", Action: identity.PasswordReset, Channel: identity.WalkIn})
			return err
		}},
	}
	for _, t := range tries {
		p.try("to %s", t.name)
		if err := p.act("an agent tries to "+t.name, func() error { return refused(t.do(), t.code) }); err != nil {
			return err
		}
	}
	if err := p.act("an agent cancels and opens anew", func() error { return p.reopen(ctx) }); err != nil {
		return err
	}
	p.gap()
	p.so("Each is refused with its reason; the refusals are the server's, not the console's.")
	p.so("A new request begins with nothing: what was answered before belongs to the one that ended.")
	return nil
}

func (p *play) reopen(ctx context.Context) error {
	agent := p.cast[agentLogin].api
	p.try("to cancel it and open another, and go on with the first one's code")
	old, err := agent.Cancel(ctx, p.reset.ID)
	if err != nil {
		return err
	}
	if err := want(old.Status == "cancelled", "the request stands at %s", old.Status); err != nil {
		return err
	}
	_, _, err = p.api.Watched(p.call("caller")).Claim(ctx, old.Case)
	if err := refused(err, "not_found"); err != nil {
		return err
	}
	p.reset, err = agent.Open(ctx, wish())
	if err != nil {
		return err
	}
	return want(len(p.reset.Proved) == 0 && p.reset.Status == "proving", "the new request stands at %s with %d proofs", p.reset.Status, len(p.reset.Proved))
}

// proof: the owner themselves, on another channel, and the manager.
func (p *play) proof(ctx context.Context) error {
	p.title("The owner proves themselves, and the manager signs")
	p.tell("M. Ito, the real one, gets the case code of the new request and opens it on their own telephone. Two things together are asked for: the recovery code from the drawer and the code that arrives in the mailbox.")
	p.gap()
	owner := p.api.Watched(p.call("owner"))
	err := p.act("the owner proves themselves", func() error {
		session, _, err := owner.Claim(ctx, p.reset.Case)
		if err != nil {
			return err
		}
		p.ownerSession = session
		return p.prove(ctx, owner.As(session))
	})
	if err != nil {
		return err
	}
	p.gap()
	p.tell("N. Berg reads the statement. The passkey signs the SHA-256 of exactly these lines:")
	p.gap()
	return p.act("the manager signs", func() error { return p.sign(ctx) })
}

func (p *play) prove(ctx context.Context, owner client.Client) error {
	prompt, err := owner.Challenge(ctx, "recovery_code")
	if err != nil {
		return err
	}
	if _, err := owner.Answer(ctx, prompt.Challenge, p.recovery); err != nil {
		return err
	}
	if prompt, err = owner.Challenge(ctx, "email_code"); err != nil {
		return err
	}
	m, err := p.post.await(ctx, ownerMail, about("code for case "+p.reset.Case))
	if err != nil {
		return err
	}
	code, err := codeIn(m)
	if err != nil {
		return err
	}
	p.line("   %s   %s", p.dim("mailbox"), p.dim("← "+m.Subject+": "+code))
	view, err := owner.Answer(ctx, prompt.Challenge, code)
	if err != nil {
		return err
	}
	return want(view.Status == "approving", "the case stands at %s", view.Status)
}

func (p *play) sign(ctx context.Context) error {
	manager := p.cast[managerLogin]
	paper, err := manager.api.Statement(ctx, p.reset.ID, "approval")
	if err != nil {
		return err
	}
	p.gap()
	p.quote(string(paper.Statement))
	p.gap()
	if _, err := manager.api.Decide(ctx, p.reset.ID, paper, "", manager.key); err != nil {
		return err
	}
	r, err := p.settled(ctx, p.reset.ID)
	if err != nil {
		return err
	}
	p.reset = r
	p.gap()
	p.so("With the last demand met the server planned again from fresh facts and committed an order.")
	if err := want(r.Status == "done" && r.Receipt != nil && r.Receipt.Outcome == "applied", "the request stands at %s", r.Status); err != nil {
		return err
	}
	p.so("The hands verified the evidence for themselves, wrote their marker and changed the password. Their receipt: applied; %s.", strings.Join(r.Receipt.Notes, "; "))
	return nil
}

// change: what is true of the directory now.
func (p *play) change(ctx context.Context) error {
	p.title("The password really changes")
	p.tell("Sign-ins to the directory itself, as anybody would do them:")
	p.gap()
	owner := p.api.As(p.ownerSession).Watched(p.call("owner"))
	return p.act("old refused, new accepted", func() error {
		err := p.people.SignIn(ctx, ownerLogin, oldPassword)
		if err := want(errors.Is(err, directory.ErrBadCredential), "the old password: %v", err); err != nil {
			return err
		}
		p.signedIn("the old password", "refused")
		secret, err := owner.Secret(ctx)
		if err != nil {
			return err
		}
		p.line("   %s   %s", p.dim("screen "), p.dim("← "+secret.Password+", and a fresh recovery code for the drawer"))
		if err := want(secret.Password != "" && secret.RecoveryCode != "" && secret.RecoveryCode != p.recovery, "the owner was not shown what is theirs"); err != nil {
			return err
		}
		return p.useNew(ctx, owner, secret.Password)
	})
}

func (p *play) useNew(ctx context.Context, owner client.Client, fresh string) error {
	err := p.people.SignIn(ctx, ownerLogin, fresh)
	if err := want(errors.Is(err, local.ErrMustChange), "the new password: %v", err); err != nil {
		return err
	}
	p.signedIn("the new password", "accepted, must change")
	if err := p.people.ChangePassword(ctx, ownerLogin, fresh, ownPassword); err != nil {
		return err
	}
	if err := p.people.SignIn(ctx, ownerLogin, ownPassword); err != nil {
		return fmt.Errorf("the owner's own password: %w", err)
	}
	p.signedIn("one that M. Ito chose", "accepted")
	_, err = owner.Secret(ctx)
	if err := refused(err, "illegal_transition"); err != nil {
		return err
	}
	p.gap()
	p.so("The new secret was sealed to M. Ito's session, shown once, and deleted in the commit that records the showing.")
	return nil
}

func (p *play) signedIn(with, how string) {
	what := "sign in with " + with
	status := p.green(how)
	if how == "refused" {
		status = p.amber(how)
	}
	p.line("   %s %s %s%s%s", p.dim(fmt.Sprintf("%-8s", ownerLogin)), p.dim("→"), what, strings.Repeat(" ", max(1, 62-len(what))), status)
}

// about accepts letters by their subject.
func about(subject string) func(notify.Message) bool {
	return func(m notify.Message) bool { return strings.Contains(m.Subject, subject) }
}

// wrongRecovery is a code of the right form that was never given to anybody.
func wrongRecovery(not string, n int) string {
	for i := n; ; i += 2 {
		code := recoverycode.New(bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 64)))
		if code != not {
			return code
		}
	}
}
