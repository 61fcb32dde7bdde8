package yamltext_test

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/yamltext"
)

func TestATextThatIsWrongEverywhereDoesNotDrownItsReader(t *testing.T) {
	r := &yamltext.Reader{What: "a test"}
	root := r.Parse([]byte("["+strings.Repeat("1,", 500)+"]"), 1<<10)
	r.List(root, "", func(v *yaml.Node, path string) { r.Text(v, path) })
	ps := r.Problems()
	if len(ps) != 101 || ps[100].Msg != "and 400 more problems" || ps[0].Path != "[0]" || ps[1].Column != 4 {
		t.Errorf("%d problems, the last %+v", len(ps), ps[len(ps)-1])
	}
}

func TestATextMayNotBeLargerThanAgreed(t *testing.T) {
	r := &yamltext.Reader{}
	if r.Parse([]byte("aaaa"), 3) != nil || len(r.Problems()) != 1 {
		t.Error(r.Problems())
	}
}

func TestAnEmptyTextIsForTheCallerToJudge(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# only a remark"} {
		r := &yamltext.Reader{}
		if root := r.Parse([]byte(text), 100); root != nil || len(r.Problems()) != 0 {
			t.Errorf("%q: %v, %v", text, root, r.Problems())
		}
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
		for _, p := range r.Problems() {
			where := fmt.Sprintf("%d:%d: ", p.Line, p.Column)
			if p.Path != "" {
				where += p.Path + ": "
			}
			got = append(got, where+p.Msg)
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, strings.Join(got, "\n"), want)
		}
	}
}
