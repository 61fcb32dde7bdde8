package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"countersign/internal/client"
	"countersign/internal/identity"
	"countersign/internal/proof/totp"
)

// crowd are the employees of the days before: each has an authenticator app.
func crowd() []*owner {
	var out []*owner
	for i, name := range strings.Fields("Aoki Brandt Costa Duarte Elias Gruber Hansen Ivanov Jansen Kovac Moreau Nagy Olsen Petit") {
		login := string(rune('a'+i)) + "." + strings.ToLower(name)
		out = append(out, &owner{
			login: login, name: login[:1] + ". " + name, mail: login + "@home.example", has: []string{"totp"},
		})
		out[i].name = strings.ToUpper(login[:1]) + ". " + name
		out[i].account.Unit = []string{"Sales", "Finance", "Workshop"}[i%3]
	}
	return out
}

// scene is how one request of the days before went.
type scene string

const (
	unlocked  scene = "unlocked"
	renewed   scene = "renewed" // a new password, signed by the manager
	refusedBy scene = "refused" // by the manager
	dropped   scene = "dropped" // cancelled by the desk
	stopped   scene = "stopped" // by the owner: it wasn't them
	beyond    scene = "beyond"  // what the vendor's desk may not open
	fumbled   scene = "fumbled" // a wrong code first
	byNight   scene = "night"   // unlocked by the vendor's desk
)

// days are the scenes of one week, day by day; weeks repeat, people take turns.
var days = [][]scene{
	{unlocked, renewed, unlocked, fumbled, dropped, byNight, refusedBy, unlocked},
	{unlocked, unlocked, renewed, byNight, renewed, stopped},
	{renewed, unlocked, dropped, unlocked, byNight, fumbled, beyond},
	{unlocked, unlocked, renewed, unlocked, byNight, dropped},
	{renewed, unlocked, fumbled, unlocked, refusedBy, byNight, unlocked},
	{byNight, unlocked},
	{byNight},
}

// mostDays is how many there can be: before them the house was founded, and
// what was enrolled then had to grow old enough to count.
const mostDays = 80

// history plays the days before the story, through the same verbs as everything
// else. Those of one day go on at the same time.
func (p *play) history(ctx context.Context) error {
	past := min(p.o.Days, mostDays)
	if past <= 0 {
		return nil
	}
	p.tell("%d days of everyday requests come first, so that lists and reports have something to show. That takes a few seconds.", past)
	began, people, count := time.Now(), crowd(), 0
	for day := past; day > 0; day-- {
		at := began.AddDate(0, 0, -day).Truncate(24 * time.Hour).Add(time.Duration(8+day*5%9) * time.Hour)
		p.clock.to(at.Add(time.Duration(day*17%60) * time.Minute))
		for _, login := range []string{founderLogin, agentLogin, managerLogin, vendorLogin} {
			if err := p.signIn(ctx, p.cast[login]); err != nil {
				return err
			}
		}
		scenes := days[int(at.Weekday()+6)%7]
		var wg sync.WaitGroup
		faults := make([]error, len(scenes))
		for i, s := range scenes {
			who := p.owners[people[(count+i)%len(people)].login]
			wg.Go(func() {
				if err := p.enact(ctx, s, who); err != nil {
					faults[i] = fmt.Errorf("%d days ago, %s is %s: %w", day, who.login, s, err)
				}
			})
		}
		wg.Wait()
		if err := errors.Join(faults...); err != nil {
			return err
		}
		count += len(scenes)
	}
	p.tell("There were %d: carried out, refused, given up, and one a week that its owner had not asked for.", count)
	p.gap()
	return nil
}

func (p *play) enact(ctx context.Context, s scene, o *owner) error {
	agent, w := p.cast[agentLogin].api, client.Wish{Login: o.login, Action: identity.Unlock, Channel: identity.Phone}
	switch s {
	case renewed, refusedBy, stopped:
		w.Action = identity.PasswordReset
	case byNight:
		agent = p.cast[vendorLogin].api
	case beyond:
		w.Login = p.owners[adminLogin].account.Login
		_, err := p.cast[vendorLogin].api.Open(ctx, w)
		return refused(err, "not_available")
	}
	r, err := agent.Open(ctx, w)
	if err != nil {
		return err
	}
	switch s {
	case dropped:
		_, err := agent.Cancel(ctx, r.ID)
		return err
	case stopped:
		return p.disowned(ctx, o, r)
	}
	if err := p.shows(ctx, o, r, s == fumbled); err != nil {
		return err
	}
	switch s {
	case refusedBy:
		return p.denies(ctx, p.cast[managerLogin], r.ID)
	case renewed:
		if _, err := p.approves(ctx, p.cast[managerLogin], r.ID, 0); err != nil {
			return err
		}
	}
	_, err = p.settled(ctx, r.ID)
	return err
}

// shows comes forward and answers with the authenticator app.
func (p *play) shows(ctx context.Context, o *owner, r client.Request, wrongFirst bool) error {
	session, _, err := p.api.Claim(ctx, r.Case)
	if err != nil {
		return err
	}
	mine := p.api.As(session)
	prompt, err := mine.Challenge(ctx, "totp")
	if err != nil {
		return err
	}
	code, err := totp.At(o.seed, p.clock.now())
	if err != nil {
		return err
	}
	if wrongFirst {
		_, err := mine.Answer(ctx, prompt.Challenge, "00000"+string('0'+(code[5]-'0'+1)%10))
		if err := refused(err, "answer_refused"); err != nil {
			return err
		}
	}
	_, err = mine.Answer(ctx, prompt.Challenge, code)
	return err
}

func (p *play) denies(ctx context.Context, a *actor, id string) error {
	paper, err := a.api.Statement(ctx, id, "denial")
	if err != nil {
		return err
	}
	_, err = a.api.Decide(ctx, id, paper, "I have just spoken to them; they asked for nothing", a.key)
	return err
}

// disowned is a request whose owner says that it wasn't them, and what security
// made of it.
func (p *play) disowned(ctx context.Context, o *owner, r client.Request) error {
	m, err := p.post.await(ctx, o.mail, about("case "+r.Case+", password reset requested"))
	if err != nil {
		return err
	}
	token, err := vetoIn(m)
	if err != nil {
		return err
	}
	if err := p.api.Repudiate(ctx, token); err != nil {
		return err
	}
	return p.review(ctx, r.ID)
}
