package house_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

var update = flag.Bool("update", false, "write the examples in docs from a run of now")

// The examples that the pages show come from a real run of the door and the
// hands on a real store. When the code changes what is recorded, this test
// says so; -update writes the pages anew.
func TestTheWorkedExampleIsWhatARealRunLeaves(t *testing.T) {
	run := playExample(t)
	for _, x := range []struct{ file, name, text string }{
		{"docs/way-of-a-request.md", "events", run.events},
		{"docs/way-of-a-request.md", "statement", run.statement},
		{"docs/way-of-a-request.md", "plan", run.plan},
		{"docs/evidence.md", "report", run.report},
	} {
		raw, err := os.ReadFile(x.file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, ok := strings.Cut(string(raw), "<!-- run: "+x.name+" -->\n```")
		language, rest, _ := strings.Cut(rest, "\n")
		shown, tail, closed := strings.Cut(rest, "```\n")
		switch {
		case !ok || !closed:
			t.Errorf("%s has no block for %s", x.file, x.name)
		case shown == x.text:
		case *update:
			page := head + "<!-- run: " + x.name + " -->\n```" + language + "\n" + x.text + "```\n" + tail
			if err := os.WriteFile(x.file, []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s: the %s of a run of now are\n%s\nwrite them with go test -run WorkedExample -update .", x.file, x.name, x.text)
		}
	}
}

type example struct{ events, statement, plan, report string }

// playExample plays the story that docs/way-of-a-request.md tells, doing the
// jobs in the order in which a server would.
func playExample(t *testing.T) example {
	h := gatetest.New(t, gatetest.Policy)
	ctx := t.Context()
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)

	v := h.Open(gatetest.Wren, identity.PasswordReset)
	post := func(notice string) {
		h.Pass(time.Second)
		h.Must(h.Gate.Notice(ctx, v.ID, notice))
		h.Letters(v.ID, gatetest.WrensMail)
	}
	post("opened")
	h.Pass(time.Minute)
	token := h.Claim(v.Case)
	h.Pass(20 * time.Second)
	challenge, err := h.Gate.Challenge(ctx, token, proof.TOTP)
	h.Must(err)
	if _, err := h.Gate.Answer(ctx, token, challenge.Challenge, gate.Reply{Text: "000000"}); err == nil {
		t.Fatal("a guess was right; run the test again")
	}
	h.Pass(15 * time.Second)
	_, err = h.Gate.Answer(ctx, token, challenge.Challenge, gate.Reply{Text: h.Code(seed)})
	h.Must(err)
	h.Pass(4 * time.Minute)
	moss := h.Person(gatetest.Moss)
	paper, err := h.Gate.Statement(ctx, gatetest.Staff(moss), v.ID, reset.Approve)
	h.Must(err)
	_, err = h.Gate.Vote(ctx, gatetest.Staff(moss), v.ID, reset.Approve, paper.ID, "spoke to Wren in person", h.Sign(moss, paper.Options.Challenge))
	h.Must(err)
	h.Pass(time.Second)
	h.Authorise(v.ID)
	h.Pass(time.Second)
	h.Must(h.Do("dispatch", v.ID))
	post("done")
	h.Must(h.Do("follow_up", v.ID))
	h.Pass(time.Minute)
	_, err = h.Gate.Reveal(ctx, token)
	h.Must(err)
	return retell(t, h, v.ID, paper)
}

func retell(t *testing.T, h *gatetest.House, request string, paper gate.Paper) (x example) {
	records, err := h.Store.Stream(t.Context(), request)
	h.Must(err)
	short := newShortener()
	var b strings.Builder
	was := ""
	for i, r := range records {
		s, err := gate.Fold(records[:i+1])
		h.Must(err)
		status := string(s.Status())
		if status == was {
			status = ""
		} else {
			was = status
		}
		fmt.Fprintf(&b, "%2d  %s  %-15s %-21s %s\n", r.Seq, r.At.Format("15:04:05"), r.Type, short.text(r.Actor), status)
		for _, line := range fold(short.members(t, r.Body), 88) {
			b.WriteString("      " + line + "\n")
		}
	}
	x.events = trimLines(b.String())
	x.statement = short.text(paper.Statement)
	x.plan = strings.Join(fold(short.members(t, member(t, records[0].Body, "plan")), 96), "\n") + "\n"
	bundle, err := h.Gate.Evidence(t.Context(), request)
	h.Must(err)
	roots, err := h.Roots()
	h.Must(err)
	report := evidence.Verify(bundle, roots, h.Now())
	for i := range report.Steps {
		report.Steps[i].Detail = short.text(report.Steps[i].Detail)
	}
	report.Request = short.text(report.Request)
	x.report = report.Text(evidence.Style{})
	return x
}

func member(t *testing.T, body json.RawMessage, name string) json.RawMessage {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatal(err)
	}
	return all[name]
}

// shortener replaces what is random by short names, the same for the same, so
// that the page shows who is who and two runs read alike.
type shortener struct{ names map[string]string }

func newShortener() shortener { return shortener{map[string]string{}} }

const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

var random = regexp.MustCompile(`(req|ord|chl|enr|con)_` + uuid + `|(corp)/` + uuid +
	`|(ses)_[A-Za-z0-9_-]{24}|(age1)[a-z0-9]{50,}|(sha256:)[A-Za-z0-9_-]{43}|"[A-Za-z0-9_-]{43}"|[2-9A-Z]{4}-[2-9A-Z]{4}`)

func (s shortener) text(in string) string {
	return random.ReplaceAllStringFunc(in, func(id string) string {
		if name, known := s.names[id]; known {
			return name
		}
		kind := "case"
		if len(id) == 45 {
			kind = `"…`
		}
		for _, k := range random.FindStringSubmatch(id)[1:] {
			if k != "" {
				kind = k
			}
		}
		n := 1
		for _, taken := range s.names {
			if strings.HasPrefix(taken, kind) {
				n++
			}
		}
		name := map[string]string{
			"case": "K7QW-M2XD", "corp": fmt.Sprintf("corp/%d", n), "age1": fmt.Sprintf("age1…%d", n), "sha256:": fmt.Sprintf("sha256:…%d", n), `"…`: fmt.Sprintf(`"…%d"`, n),
		}[kind]
		if name == "" {
			name = fmt.Sprintf("%s_%d", kind, n)
		}
		s.names[id] = name
		return name
	})
}

// members is an event's canonical body, or a part of it, with plan and
// signatures cut out.
func (s shortener) members(t *testing.T, raw json.RawMessage) string {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for _, long := range []string{"plan", "assertion"} {
		if _, ok := all[long]; ok {
			all[long] = json.RawMessage(`{"…":"…"}`)
		}
	}
	var b bytes.Buffer
	for i, name := range sortedKeys(all) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s", name, strings.NewReplacer(`{"…":"…"}`, "{…}", `","`, `", "`, `},{`, `}, {`).Replace(string(all[name])))
	}
	return s.text(b.String())
}

func fold(text string, width int) []string {
	var lines []string
	for word := range strings.FieldsSeq(text) {
		last := len(lines) - 1
		if last >= 0 && len([]rune(lines[last]))+1+len([]rune(word)) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return slices.Clip(lines)
}

func trimLines(text string) string {
	return regexp.MustCompile(`(?m)[ \t]+$`).ReplaceAllString(text, "")
}
