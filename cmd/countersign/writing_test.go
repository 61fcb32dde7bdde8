package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// page FILE does what a page of docs teaches, from top to bottom: it makes the
// changes that the page shows to files, calls the commands that it shows, and
// compares what they print. With -update it writes into the page what they print.
//
//	<!-- mine.yaml -->     a block of diff after it changes the file: lines with
//	                       a minus go, lines with a plus come, and together with
//	                       those between them they stand in the file once
//	<!-- mine.test.yaml --> any other block after it is added to the file's end
//	```console             after each "$ " a command, then what it prints; a line
//	                       that is only … stands for any number of lines
func page(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: page FILE")
	}
	// Scripts run in folders of their own; pages stand two above this package.
	file := filepath.Join("..", "..", filepath.FromSlash(args[0]))
	text, err := os.ReadFile(file)
	ts.Check(err)
	p := &player{ts: ts, page: args[0], ids: map[string]string{}}
	played := p.play(string(text))
	switch {
	case p.calls == 0:
		ts.Fatalf("%s shows no command", args[0])
	case *update && played != string(text):
		ts.Check(os.WriteFile(file, []byte(played), 0o644))
	case p.otherwise > 0:
		ts.Fatalf("%s shows otherwise what %d of its commands print; write it with go test ./cmd/countersign -run TestScripts/writing -update", args[0], p.otherwise)
	}
}

type player struct {
	ts               *testscript.TestScript
	page             string
	calls, otherwise int
	ids              map[string]string // what is random, by the name that it has on the page
}

var block = regexp.MustCompile("(?s)(?:<!-- ([\\w.-]+) -->\n)?```(\\w+)\n(.*?)```\n")

func (p *player) play(text string) string {
	return block.ReplaceAllStringFunc(text, func(whole string) string {
		m := block.FindStringSubmatch(whole)
		switch file, language, body := m[1], m[2], m[3]; {
		case language == "console":
			return "```console\n" + p.session(body) + "```\n"
		case file != "" && language == "diff":
			p.change(file, body)
		case file != "":
			p.add(file, body)
		}
		return whole
	})
}

// change replaces the lines of a diff that were by those that are to be.
func (p *player) change(file, diff string) {
	var before, after strings.Builder
	for line := range strings.Lines(p.real(diff)) {
		text := strings.TrimRight(line[1:], "\n") + "\n"
		switch line[0] {
		case '-':
			before.WriteString(text)
		case '+':
			after.WriteString(text)
		default:
			before.WriteString(text)
			after.WriteString(text)
		}
	}
	was := p.ts.ReadFile(file)
	if n := strings.Count(was, before.String()); n != 1 {
		p.ts.Fatalf("%s: these lines stand %d times in %s, not once:\n%s", p.page, n, file, before.String())
	}
	p.write(file, strings.Replace(was, before.String(), after.String(), 1))
}

func (p *player) add(file, text string) {
	was, err := os.ReadFile(p.ts.MkAbs(file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.ts.Check(err)
	}
	p.write(file, string(was)+text)
}

func (p *player) write(file, text string) {
	p.ts.Check(os.WriteFile(p.ts.MkAbs(file), []byte(text), 0o600))
}

// session calls the commands of a block and gives the block with what they print.
func (p *player) session(body string) string {
	var out strings.Builder
	for _, step := range strings.Split("\n"+body, "\n$ ")[1:] {
		command, shown, _ := strings.Cut(step+"\n", "\n")
		shown = strings.TrimRight(shown, "\n") + "\n"
		printed := p.call(command)
		switch {
		case shows(shown, printed):
			printed = strings.TrimLeft(shown, "\n")
		case !*update:
			p.ts.Logf("%s: %s prints\n%s", p.page, command, printed)
			fallthrough
		default:
			p.otherwise++
		}
		out.WriteString("$ " + command + "\n" + printed)
	}
	return out.String()
}

// cut stands on the page for lines that matter to nobody there.
const cut = "…"

// shows reports whether what the page shows is what was printed, with lines cut
// out where it says so.
func shows(shown, printed string) bool {
	frame := func(text string) string { return "\n" + strings.Trim(text, "\n") + "\n" }
	parts := strings.Split(frame(shown), "\n"+cut+"\n")
	rest := frame(printed)
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case i == 0 && last:
			return part == rest
		case i == 0 && !strings.HasPrefix(rest, part+"\n"):
			return false
		case last:
			return strings.HasSuffix(rest, "\n"+part)
		}
		at := strings.Index(rest, part+"\n")
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return true
}

const tellsExit = ` || echo "exit $?"`

// call runs a command of the page. Beside countersign there is cp, and the end
// of a line that says with which code it ended.
func (p *player) call(line string) string {
	p.calls++
	command, tells := strings.CutSuffix(line, tellsExit)
	words := strings.Fields(p.real(command))
	if words[0] == "cp" {
		p.copy(words[1:])
		return ""
	}
	code := 0
	err := p.ts.Exec(words[0], words[1:]...)
	if ended, is := errors.AsType[*exec.ExitError](err); is {
		code, err = ended.ExitCode(), nil
	}
	p.ts.Check(err)
	printed := p.ts.ReadFile("stderr") + p.ts.ReadFile("stdout")
	switch {
	case tells && code != 0:
		printed += fmt.Sprintf("exit %d\n", code)
	case tells != (code != 0):
		p.ts.Fatalf("%s: %s ended with %d:\n%s", p.page, line, code, printed)
	}
	return p.shorten(printed)
}

// copy takes the ready policies from where they are.
func (p *player) copy(words []string) {
	from, to := words[0], words[1]
	if strings.HasPrefix(from, "policies/") {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(from)))
		p.ts.Check(err)
		p.write(to, string(text))
		return
	}
	p.write(to, p.ts.ReadFile(from))
}

var fleeting = regexp.MustCompile(`chg_[0-9a-f-]{36}|sha256:[\w-]{43}|localhost(:\d+|\+\S+)|[A-Za-z0-9+/]{43}=|SHA256:\S{43}|until:? \d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ`)

// real puts back what has a name on the page.
func (p *player) real(text string) string {
	for name, real := range p.ids {
		text = strings.ReplaceAll(text, name, real)
	}
	return text
}

// shorten gives what differs from run to run a name, so that the page can show it.
func (p *player) shorten(printed string) string {
	return fleeting.ReplaceAllStringFunc(printed, func(real string) string {
		for _, named := range []struct{ as, name string }{
			{"localhost:", "localhost:8080"}, {"localhost+", "localhost+…"}, {"SHA256:", "SHA256:…"}, {"until: ", "until: …"}, {"until ", "until …"},
		} {
			if strings.HasPrefix(real, named.as) {
				return named.name
			}
		}
		for _, id := range []struct{ as, name string }{{"chg_", "chg_1"}, {"sha256:", "sha256:…"}} {
			if strings.HasPrefix(real, id.as) {
				p.ids[id.name] = real // the page goes on with the one shown last
				return id.name
			}
		}
		return "…"
	})
}
