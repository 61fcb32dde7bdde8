package console

import (
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/reset"
)

// script is what the agent of a case does now: what to say, what to do, what
// never to ask for. It is computed from where the case stands, so that nobody
// has to remember it, and holds no secret and nothing of what is on record.
type script struct {
	// Now says in one sentence what the case waits for.
	Now message
	// Say are sentences to speak or to write; Do is what to do beside it.
	Say, Do []message
	Never   []message
	// Handed: there is nothing for the agent to do. The system goes on by
	// itself, and Next says how.
	Handed bool
	Next   []message
	// Words: the two words and the case code are of use in this state.
	Words bool
	// Writes: what is to be said is written, not spoken.
	Writes bool
	Until  *time.Time
}

// neverAsked is what no agent asks for in any state of any case.
var neverAsked = []message{
	msg("a password, or a code that they were sent or that an app shows"),
	msg("a birthday, a number, a colleague’s name: right answers prove nothing"),
	msg("which telephone, address or app they have"),
	msg("a picture of a document"),
	msg("a call to a number that they name"),
}

func scriptOf(v gate.View) script {
	s := script{Never: neverAsked, Writes: v.Channel == identity.Chat || v.Channel == identity.Email || v.Channel == identity.Ticket}
	switch v.Status {
	case reset.Proving:
		return provingScript(s, v)
	case reset.Approving:
		return approvingScript(s, v)
	case reset.Waiting:
		s.Handed, s.Until = true, v.WaitUntil
		s.Now = msg("The waiting time runs, in which everybody on record can object.")
		s.Say = []message{msg("“The rules want a waiting time now. Nobody here can shorten it. Your page shows when it is over.”")}
		s.Next = []message{msg("When the time is over, the rules are looked at once more, and then it is carried out by itself."), everybodyHears}
	case reset.Ready, reset.OrderedUp, reset.Dispatching:
		s.Handed, s.Now = true, msg("Everything is there. It is being carried out.")
		s.Say = []message{msg("“It is being carried out now. Keep your page open.”")}
		s.Next = []message{everybodyHears}
	case reset.Uncertain:
		s.Handed, s.Now = true, msg("The directory was asked, and its answer did not arrive.")
		s.Say = []message{msg("“We are checking whether it worked. Please do not try again and again; we tell you.”")}
		s.Next = []message{msg("The server reads the directory to find out. Security has been told."), msg("Do not open a second request for it.")}
	case reset.Done:
		return doneScript(s, v)
	default:
		return endedScript(s, v)
	}
	return s
}

var everybodyHears = msg("The requester is told on every address on record; nobody has to remember to.")

// provingScript is the part in which somebody is on the line.
func provingScript(s script, v gate.View) script {
	s.Words = true
	if v.Callback != nil {
		s.Now = msg("We are ringing the number on record that ends in %s.", v.Callback.Number)
		s.Writes = false
		s.Say = []message{msg("“Take the call that comes to the telephone you gave us earlier. You hear a code. Read it to me.”")}
		s.Do = []message{msg("Type what they heard into the field. Take it by no other way than their voice.")}
		s.Never = append([]message{msg("a password, or any other code than the one from this call")}, neverAsked[1:]...)
		return s
	}
	s.Now = msg("They have to prove who they are, on their own page.")
	s.Say = append(introduction(v), msg("“Open %s: type it, or take your own bookmark. Do not follow a link, not even one from me.”", address(v.Page)),
		msg("“Enter the case code there: %s.”", spelled(v.Case)),
		msg("“The page shows two words. Ask me for them; if mine are others, hang up.” Yours are: %s", v.Words),
		msg("“What you have to show, and how, stands on your page. I cannot see it, and I cannot do it for you.”"))
	if s.Writes {
		s.Say[len(s.Say)-2] = msg("“The page shows two words. They are: %s. If yours are others, stop and call the desk.”", v.Words)
	}
	s.Do = beside(v)
	s.Next = []message{msg("You need not wait for it: the case goes on without you, and this page follows by itself.")}
	return s
}

func introduction(v gate.View) []message {
	switch {
	case v.Vendor:
		return []message{msg("“I work at the desk %s, for your organisation. To check that, hang up and open the page “Check the desk” yourself.”", v.Desk)}
	case v.Channel == identity.Phone:
		return []message{msg("“If you are in doubt whether this is the desk, hang up and call it yourself.”")}
	}
	return nil
}

// beside is what to do beside speaking, by how they came.
func beside(v gate.View) []message {
	switch v.Channel {
	case identity.WalkIn:
		return []message{msg("Let them use their own telephone, or the computer for visitors. Never yours."),
			msg("If their page says “In person”, send them to a proofing officer, who is somebody else than you.")}
	case identity.Chat, identity.Email, identity.Ticket:
		return []message{msg("Write it as it stands here, without a link. Who writes to you may be anybody until their proof is in.")}
	}
	return []message{msg("Stay on the line until their page is open, if they like. Then take the next call.")}
}

func approvingScript(s script, v gate.View) script {
	s.Handed, s.Now = true, msg("Their proof is in. Signatures are missing, and those who can sign have been written to.")
	s.Say = []message{msg("“You have proved who you are. Now somebody has to sign, and has been told. Leave your page open in the same browser: it goes on there.”")}
	s.Never = append([]message{msg("the signers to hurry: a case that is pressed is looked at longer")}, neverAsked...)
	s.Next = []message{msg("Whoever signs reads the request and decides. Nothing on your screen can hurry it."), everybodyHears}
	if v.Action != identity.PasswordReset {
		s.Say = []message{msg("“You have proved who you are. Now somebody has to sign, and has been told. You hear from us.”")}
	}
	return s
}

func doneScript(s script, v gate.View) script {
	s.Handed, s.Now, s.Next = true, msg("It is done."), []message{everybodyHears}
	s.Say = []message{msg("“It is done. You get a message about it on every address we have.”")}
	for _, step := range v.Progress {
		if step.Step == gate.StepSecret && step.State == gate.StepCurrent {
			s.Say = []message{msg("“Your page shows your new password, once. Do not read it to me or to anybody.”")}
			s.Next = []message{msg("The new password waits on their page, for nobody else."), everybodyHears}
			s.Never = append([]message{msg("the new password, not even to check it")}, neverAsked...)
		}
	}
	return s
}

func endedScript(s script, v gate.View) script {
	s.Handed = true
	s.Next = []message{everybodyHears}
	switch v.Status {
	case reset.Vetoed:
		s.Now = msg("The owner of the account said: this wasn’t me.")
		s.Say = []message{msg("“I cannot go on with this.”")}
		s.Do = []message{msg("Say no more than that. Whoever is on the line may not be the owner. Security has been told.")}
	case reset.Denied:
		s.Now = msg("It was denied by somebody who signs.")
		s.Say = []message{msg("“It was not approved. I do not see why, and I cannot change it.”")}
		s.Do = []message{msg("Follow your documented escalation. Opening the same again does not help.")}
	case reset.ExpiredEnd:
		s.Now = msg("It ran out of time.")
		s.Say = []message{msg("“The time for it is over. I can open a new case, and you begin again.”")}
	case reset.CancelledBy:
		s.Now = msg("It was cancelled.")
		s.Say = []message{msg("“This case is closed. If you still need it, I can open a new one.”")}
	case reset.Failed:
		s.Now = msg("The directory did not carry it out.")
		s.Say = []message{msg("“It did not work, and nothing was changed. We look into it.”")}
		s.Do = []message{msg("Tell whoever runs the directory. A new request may work once it is mended.")}
	default:
		s.Now = msg("The rules refused it.")
		s.Say = []message{msg("“It cannot be done this way. I do not see why.”")}
		s.Do = []message{msg("Follow your documented escalation. Opening the same again does not help.")}
	}
	return s
}

// address is where the requester goes, as one says it.
func address(page string) string {
	_, plain, found := strings.Cut(page, "://")
	if !found {
		return page
	}
	return plain
}

// alphabet spells the letters of case codes over the telephone (ICAO).
var alphabet = map[rune]string{
	'A': "Alfa", 'B': "Bravo", 'C': "Charlie", 'D': "Delta", 'E': "Echo", 'F': "Foxtrot", 'G': "Golf", 'H': "Hotel", 'J': "Juliett", 'K': "Kilo",
	'M': "Mike", 'N': "November", 'P': "Papa", 'Q': "Quebec", 'R': "Romeo", 'S': "Sierra", 'T': "Tango", 'V': "Victor", 'W': "Whiskey",
	'X': "X-ray", 'Y': "Yankee", 'Z': "Zulu",
}

// spelled is a case code as it is spelled out: Kilo 7 Quebec Foxtrot – 9 …
func spelled(code string) string {
	var words []string
	for _, r := range code {
		switch word := alphabet[r]; {
		case r == '-':
			words = append(words, "–")
		case word != "":
			words = append(words, word)
		default:
			words = append(words, string(r))
		}
	}
	return strings.Join(words, " ")
}
