package yamltext_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/yamltext"
)

func TestATextThatIsWrongEverywhereDoesNotDrownItsReader(t *testing.T) {
	r := &yamltext.Reader{What: "test"}
	root := r.Parse([]byte("["+strings.Repeat("1,", 500)+"]"), 1<<10)
	r.List(root, "", func(v *yaml.Node, path string) { r.Text(v, path) })
	ps := problemsOf(r)
	if len(ps) != 101 || ps[100].Msg != "and 400 more problems" || ps[0].Path != "[0]" || ps[1].Column != 4 {
		t.Errorf("%d problems, the last %+v", len(ps), ps[len(ps)-1])
	}
}

func problemsOf(r *yamltext.Reader) yamltext.Problems {
	var ps yamltext.Problems
	errors.As(r.Err(), &ps)
	return ps
}

func TestATextMayNotBeLargerThanAgreed(t *testing.T) {
	r := &yamltext.Reader{}
	if r.Parse([]byte("aaaa"), 3) != nil || r.Found() != 1 {
		t.Error(r.Err())
	}
}

func TestAnEmptyTextIsRefusedWhereItHasToBegin(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# only a remark"} {
		r := &yamltext.Reader{What: "test"}
		if root := r.Parse([]byte(text), 100); root != nil || r.Err() != nil {
			t.Errorf("%q: %v, %v", text, root, r.Err())
		}
		r.Begins = "a:"
		if root := r.Parse([]byte(text), 100); root != nil || r.Err() == nil || r.Err().Error() != "policy: the text is empty; a test begins with `a:`" {
			t.Errorf("%q: %v, %v", text, root, r.Err())
		}
	}
}

// What every sort of text refuses before anything in it is read.
func TestWhatDeceivesIsRefusedInEveryText(t *testing.T) {
	for text, want := range map[string]string{
		"\ufeffa: b":           "1:1: the test must be UTF-8 without a byte order mark",
		"a: b\nc: \xff":        "2:4: the test must be UTF-8, and here is a byte that is not",
		"%YAML 1.1\n---\na: b": "1:1: a directive is not allowed; take the line out",
		"a: b # \u202e":        "1:8: an invisible or direction-changing character (U+202E); take it out",
		"a: x\u00a0z":          "1:5: a space that is not one (U+00A0); type a plain space",
		"a: e\u0301":           "1:4: an accent or syllable here is not in Unicode's composed form (NFC), so it would never match what looks the same; type it anew",
		"a: b" + strings.Repeat(" ", 101) + "# c": "1:5: more than 100 spaces in a row could push what follows off the screen; take them out",
		"a:\n\tb: c": "2:1: a tab cannot indent; use spaces",
		"a: ! b":     "1:4: a tag (!) is not allowed; quote the value when it is a text",
		strings.Repeat("[", 40) + strings.Repeat("]", 40): "1:34: lists and fields stand in one another more deeply than any test needs",
	} {
		r := &yamltext.Reader{What: "test"}
		if root := r.Parse([]byte(text), 1000); root != nil || r.Err() == nil || r.Err().Error() != "policy: "+want {
			t.Errorf("%q: %v", text, r.Err())
		}
	}
}

func TestOnlyWhereSaidALineMayNotBeLong(t *testing.T) {
	for most, want := range map[int]int{0: 0, 5: 1, 6: 0} {
		r := &yamltext.Reader{What: "test", MaxLine: most}
		if r.Parse([]byte("a: bcd\r\n"), 100); r.Found() != want {
			t.Errorf("%d: %v", most, r.Err())
		}
	}
}

// A fact is what it is, hidden or not; what somebody says hides nothing.
func TestAnEscapeHidesNothingInWhatIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"a\\u200bb": "policy: 1:6: an invisible or direction-changing character (U+200B); take it out",
		"\\0":       "policy: 1:5: a control character (U+0000); take it out",
		"a\\u00a0b": "",
		"a\\tb\\nc": "",
	} {
		text := `a: "` + text + `"`
		var said, any yamltext.Reader
		said.Mapping(said.Parse([]byte(text), 100), "", yamltext.Fields{"a": func(v *yaml.Node, path string) { said.Text(v, path) }})
		any.Mapping(any.Parse([]byte(text), 100), "", yamltext.Fields{"a": func(v *yaml.Node, path string) { any.AnyText(v, path) }})
		if err := said.Err(); (err == nil) != (want == "") || err != nil && err.Error() != want || any.Err() != nil {
			t.Errorf("%s: %v, %v", text, err, any.Err())
		}
	}
	r := &yamltext.Reader{}
	r.Mapping(r.Parse([]byte(`"a\u200b": 1`), 100), "", yamltext.Fields{"b": nil})
	if !strings.Contains(fmt.Sprint(r.Err()), "1:3: an invisible") {
		t.Errorf("of a field's name: %v", r.Err())
	}
}

func TestOnlyPlainWordsAreSaid(t *testing.T) {
	for text, want := range map[string]bool{"none": true, `"none"`: false, "'none'": false, "None": false, "|-\n  none": false, "[none]": false} {
		r := &yamltext.Reader{}
		if got := yamltext.Says(r.Parse([]byte(text), 100), "none"); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestValuesAreReadForWhatTheyShow(t *testing.T) {
	for text, want := range map[string]string{
		"word: totq":                 "1:7: word: unknown word `totq`; did you mean `totp`?",
		"word: [totp]":               "1:7: word: expected a text, found a list",
		"line: \"\"":                 "1:7: line: the text is empty; leave the field out or say something",
		"line: 12":                   "1:7: line: YAML reads 12 as a number; quote it: \"12\"",
		"line: ~":                    "1:7: line: YAML reads ~ as nothing; quote it: \"~\"",
		"line:":                      "1:6: line: the value is missing",
		"line: \"a\\nb\"":            "1:7: line: text has a control or line-breaking character at byte 1",
		"line: 2026-01-02T00:00:00Z": "1:7: line: YAML reads 2026-01-02T00:00:00Z as a date; quote it: \"2026-01-02T00:00:00Z\"",
		"line: no":                   "1:7: line: some readers of YAML take no for something other than a text; quote it: \"no\"",
		"bool: yes":                  "1:7: bool: expected true or false, found a text",
		"[a]: 1":                     "1:1: a field's name must be a word",
		"bool: true\nbool: true":     "2:1: the field `bool` stands here twice (first on line 1); keep one",
		"{}":                         "1:1: the field `bool` is missing",
	} {
		r := &yamltext.Reader{}
		root := r.Parse([]byte(text), 1000)
		seen := r.Mapping(root, "", yamltext.Fields{
			"word": func(v *yaml.Node, path string) { r.Word(v, path, []string{"totp", "vouch"}) },
			"line": func(v *yaml.Node, path string) { r.Line(v, path) },
			"bool": func(v *yaml.Node, path string) { r.Bool(v, path) },
		})
		if text == "{}" {
			r.Require(root, "", seen, "bool")
		}
		var got []string
		for _, p := range problemsOf(r) {
			got = append(got, p.String())
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, strings.Join(got, "\n"), want)
		}
	}
}
