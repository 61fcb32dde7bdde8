package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// token is a word of a line, or a text in quotation marks, and its column.
type token struct {
	text   string
	quoted bool
	col    int
}

// Parse reads a script. Every error names the file, the line and the column.
func Parse(file, text string) (Script, error) {
	p := &parser{file: file, names: map[string]string{"olive": "staff", "it": "request"}}
	p.script.File = strings.TrimSuffix(file, ".txt")
	for i, raw := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		p.number = i + 1
		if err := p.line(raw); err != nil {
			return p.script, err
		}
	}
	return p.script, p.whole()
}

type parser struct {
	file    string
	number  int
	script  Script
	names   map[string]string // who and what has been declared, and as what
	acting  bool              // something has happened: nothing more is given
	looping bool              // the last line was a repeat, or inside one
}

func (p *parser) fault(col int, format string, a ...any) error {
	return fault{p.file, p.number, col, fmt.Sprintf(format, a...)}
}

// whole judges what can only be known at the end.
func (p *parser) whole() error {
	p.number++
	s := p.script
	switch {
	case s.Kind == "":
		return p.fault(1, "the script is empty: it begins with attack or recovery, an id and a title")
	case !titled(s.File, s.ID):
		return p.fault(1, "a file about %s is named %s-….txt", s.ID, strings.ToLower(s.ID))
	case s.Policy == "":
		return p.fault(1, "no line says which policy is in force")
	case len(s.Controls) == 0:
		return p.fault(1, "no line says which controls it is about")
	case !slices.ContainsFunc(s.Lines, func(l Line) bool { return l.form.pattern == effectsPattern }):
		return p.fault(1, "no line says how much was changed: expect effects 0")
	case s.Kind == Recovery && len(s.Proofs()) == 0:
		return p.fault(1, "an honest recovery marks with a star every line without which nothing may happen")
	case s.Kind == Attack && len(s.Proofs()) > 0:
		return p.fault(1, "stars are for honest recoveries")
	}
	return nil
}

func (p *parser) line(raw string) error {
	if strings.ContainsRune(raw, '\t') {
		return p.fault(strings.IndexByte(raw, '\t')+1, "indent with two spaces, not with a tab")
	}
	body := strings.TrimRight(raw, " ")
	indent := len(body) - len(strings.TrimLeft(body, " "))
	body = body[indent:]
	if body == "" || body[0] == '#' {
		return nil
	}
	if indent != 0 && (indent != 2 || !p.looping) {
		return p.fault(1, "only the lines under a repeat are indented, by two spaces")
	}
	if indent == 0 {
		p.looping = false
		if done, err := p.head(body); done || err != nil {
			return err
		}
	}
	l, err := p.sentence(body, indent+1)
	if err != nil {
		return err
	}
	if indent == 0 {
		p.script.Lines = append(p.script.Lines, l)
		p.looping = l.form.pattern == repeatPattern
		return nil
	}
	if l.form.given || l.Proof || l.form.pattern == repeatPattern {
		return p.fault(indent+1, "this cannot stand under a repeat")
	}
	last := &p.script.Lines[len(p.script.Lines)-1]
	last.Body = append(last.Body, l)
	return nil
}

// head reads the lines that say what the script is about.
func (p *parser) head(body string) (bool, error) {
	word, rest, _ := strings.Cut(body, " ")
	rest = strings.TrimSpace(rest)
	s := &p.script
	switch {
	case s.Kind == "":
		id, title, _ := strings.Cut(rest, " ")
		if word != Attack && word != Recovery || id == "" || strings.TrimSpace(title) == "" {
			return true, p.fault(1, "a script begins with attack or recovery, an id and a title")
		}
		s.Kind, s.ID, s.Title = word, id, strings.TrimSpace(title)
	case word == "source":
		s.Sources = append(s.Sources, rest)
	case word == "controls":
		for _, c := range strings.Fields(rest) {
			if len(c) != 3 || c[0] != 'C' || slices.Contains(s.Controls, c) {
				return true, p.fault(1+strings.Index(body, c), "%q is not a control such as C05, or stands twice", c)
			}
			s.Controls = append(s.Controls, c)
		}
	case word == "policy":
		s.Policy = rest
	default:
		return false, nil
	}
	if rest == "" {
		return true, p.fault(len(word)+1, "%s says nothing", word)
	}
	return true, nil
}

// sentence reads a line that does, gives or expects something.
func (p *parser) sentence(body string, col int) (Line, error) {
	l := Line{Number: p.number, Text: body}
	if strings.HasPrefix(body, "* ") {
		l.Proof, l.Text = true, strings.TrimLeft(body[2:], " ")
	}
	tokens, err := p.tokens(l.Text, col+len(body)-len(l.Text))
	if err != nil {
		return l, err
	}
	if tokens, err = p.arrow(&l, tokens); err != nil {
		return l, err
	}
	if l.form, l.args, err = p.match(tokens); err != nil {
		return l, err
	}
	switch {
	case l.form.given && p.acting:
		return l, p.fault(col, "what is given stands before what happens")
	case l.refusal != "" && !l.form.refusable:
		return l, p.fault(col, "nobody is asked here who could refuse")
	case l.Proof && !l.form.proof:
		return l, p.fault(col, "a star marks a proof or a signature")
	}
	p.acting = p.acting || !l.form.given
	return l, p.declare(l)
}

// arrow takes "-> refused CODE" and "-> refused CODE once" off the end.
func (p *parser) arrow(l *Line, tokens []token) ([]token, error) {
	i := slices.IndexFunc(tokens, func(t token) bool { return t.text == "->" && !t.quoted })
	if i < 0 {
		return tokens, nil
	}
	rest := tokens[i+1:]
	if len(rest) < 2 || len(rest) > 3 || rest[0].text != "refused" || len(rest) == 3 && rest[2].text != "once" {
		return nil, p.fault(tokens[i].col, "after -> stands: refused CODE, or: refused CODE once")
	}
	l.refusal, l.once = rest[1].text, len(rest) == 3
	return tokens[:i], nil
}

// tokens cuts a line into words and quoted texts. What begins with a brace is
// one token to the end of the line, or to an arrow.
func (p *parser) tokens(text string, col int) ([]token, error) {
	var all []token
	for i := 0; i < len(text); {
		switch {
		case text[i] == ' ':
			i++
		case text[i] == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return nil, p.fault(col+i, "the text has no closing quotation mark")
			}
			all = append(all, token{text[i+1 : i+1+end], true, col + i})
			i += end + 2
		case strings.HasPrefix(text[i:], "{\""):
			end := strings.LastIndexByte(text, '}')
			if end < i {
				return nil, p.fault(col+i, "the body has no closing brace")
			}
			all = append(all, token{text[i : end+1], true, col + i})
			i = end + 1
		default:
			end := strings.IndexByte(text[i:], ' ')
			if end < 0 {
				end = len(text) - i
			}
			all = append(all, token{text[i : i+end], false, col + i})
			i += end
		}
	}
	return all, nil
}

// declare remembers the name that a line gives to somebody or something.
func (p *parser) declare(l Line) error {
	name := l.args["NEW"]
	if name == "" {
		return nil
	}
	if _, taken := p.names[name]; taken && l.form.declares != "staff" {
		return p.fault(1, "%s is taken", name)
	}
	if p.names[name] == "" {
		p.names[name] = l.form.declares
	}
	return nil
}
