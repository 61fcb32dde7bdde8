package policy

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

const schemaFile = "../../policies/policy.schema.json"

func TestTheSchemaInTheFolderIsFresh(t *testing.T) {
	if *update {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, Schema()) {
		t.Errorf("%s is not what the language is; run go test ./internal/policy -update", schemaFile)
	}
}

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("policy.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate reads YAML as an editor does and judges it.
func validate(t testing.TB, s *jsonschema.Schema, src []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatalf("%s\n%v", src, err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON)); err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestEveryPolicyThatLoadsIsValidUnderTheSchema(t *testing.T) {
	s, judged := compiledSchema(t), 0
	for _, pattern := range []string{"../../policies/*.yaml", "testdata/*.yaml", "*/testdata/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Load(src); err != nil {
				beside := strings.HasSuffix(file, ".test.yaml") || strings.HasSuffix(file, ".invariants.yaml")
				if strings.HasPrefix(file, "../../policies/") && !beside {
					t.Errorf("%s does not load: %v", file, err)
				}
				continue
			}
			judged++
			if err := validate(t, s, src); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if judged < 4 {
		t.Errorf("only %d policies were found", judged)
	}
	if err := validate(t, s, pool(t).Source()); err != nil {
		t.Error(err)
	}
}

func TestTypicalFaultsAreInvalidUnderTheSchema(t *testing.T) {
	s := compiledSchema(t)
	if err := validate(t, s, []byte(head+oneRule)); err != nil {
		t.Fatal(err)
	}
	for _, src := range []string{
		oneRule,
		head,
		head + "rule: []\n" + oneRule,
		head + "rules: []",
		head + "rules: [{rule: a, when: true, deny: x}]",
		head + "rules: [{rule: 7, when: 'true', deny: x}]",
		head + "rules: [{rule: a b, when: 'true', deny: x}]",
		head + "rules: [{rule: a, deny: x}]",
		head + "rules: [{rule: a, when: 'true'}]",
		head + "rules: [{rule: a, when: 'true', deny: x, demand: {wait: 1h}}]",
		head + "rules: [{rule: a, when: 'true', demand: {}}]",
		head + "rules: [{rule: a, when: 'true', demand: {aproval: 1}}]",
		head + "rules: [{rule: a, when: 'true', demand: {wait: 10}}]",
		head + "rules: [{rule: a, when: 'true', demand: {wait: 1w}}]",
		head + "rules: [{rule: a, when: 'true', demand: {tier: extreme}}]",
		head + "rules: [{rule: a, when: 'true', demand: {notify: manager}}]",
		head + "rules: [{rule: a, when: 'true', demand: {delivery: [sesion]}}]",
		head + "rules: [{rule: a, when: 'true', demand: {approvals: [{role: agent, count: 1}]}}]",
		head + "rules: [{rule: a, when: 'true', demand: {approvals: [{role: manager, count: 0}]}}]",
		head + "rules: [{rule: a, when: 'true', demand: {approvals: [{role: manager}]}}]",
		head + "classes: [{class: priviledged, when: 'true'}]\n" + oneRule,
		head + "desks: [{desk: a}]\n" + oneRule,
		head + "desks: [{desk: a, reach: 'true', vendor: [a]}]\n" + oneRule,
		head + "vendors: [{vendor: a}]\n" + oneRule,
		head + "lists: {Loud: [a]}\n" + oneRule,
		head + "lists: {loud: [1]}\n" + oneRule,
		head + "lists: {loud: []}\n" + oneRule,
		head + "conditions: {night: true}\n" + oneRule,
		head + "zone: CET+1\n" + oneRule,
		head + "eases: {since: x, because: y, what: [a/b]}\n" + oneRule,
		head + "accepted: [{finding: One, because: x}]\n" + oneRule,
		strings.Replace(head, "v1", "v2", 1) + oneRule,
	} {
		if validate(t, s, []byte(src)) == nil {
			t.Errorf("valid under the schema:\n%s", src)
		}
		if _, err := Load([]byte(src)); err == nil {
			t.Errorf("this loads:\n%s", src)
		}
	}
}

// Load names every field it knows when it meets one that it does not; the
// schema must know the same ones, and the same words.
func TestTheSchemaKnowsTheFieldsThatLoadKnows(t *testing.T) {
	for _, c := range []struct {
		shape  shape
		at     string
		around string
	}{
		{topShape, "", "X: 1\n" + oneRule},
		{classShape, "classes[0]", "classes: [{X: 1}]\n"},
		{vendorShape, "vendors[0]", "vendors: [{X: 1}]\n"},
		{deskShape, "desks[0]", "desks: [{X: 1}]\n"},
		{ruleShape, "rules[0]", "rules: [{X: 1}]\n"},
		{demandShape, "rules[0].demand", "rules: [{demand: {X: 1}}]\n"},
		{approvalShape, "rules[0].demand.approvals[0]", "rules: [{demand: {approvals: [{X: 1}]}}]\n"},
		{easesShape, "eases", "eases: {X: 1}\n"},
		{acceptedShape, "accepted[0]", "accepted: [{X: 1}]\n"},
	} {
		ps := problemsOf(t, head+strings.ReplaceAll(c.around, "X", "qqqqqqqqqqqq"))
		i := slices.IndexFunc(ps, func(p Problem) bool { return p.Path == c.at && strings.HasPrefix(p.Msg, "unknown field") })
		if i < 0 {
			t.Fatalf("%s: %v", c.at, ps)
		}
		_, list, _ := strings.Cut(ps[i].Msg, "expected one of ")
		known := strings.Split(list, ", ")
		properties, _ := objectSchema(c.shape)["properties"].(map[string]any)
		if have := slices.Sorted(maps.Keys(properties)); !slices.Equal(known, have) {
			t.Errorf("%s: Load knows %v, the schema %v", c.at, known, have)
		}
	}
}

// What the schema completes, Load takes: every word of every list of words.
func TestEveryWordOfTheSchemaLoads(t *testing.T) {
	for _, s := range []shape{demandShape, classShape, deskShape} {
		for _, f := range s.fields {
			list, isList := f.is["items"].(map[string]any)
			all, _ := f.is["enum"].([]string)
			if isList {
				all, _ = list["enum"].([]string)
			}
			for _, w := range all {
				value := w
				if isList {
					value = "[" + w + "]"
				}
				switch s.name {
				case "demand":
					mustRead(t, "rules: [{rule: a, when: 'true', demand: {"+f.name+": "+value+"}}]")
				case "class":
					mustRead(t, "classes: [{class: "+value+", when: 'true'}]\n"+oneRule)
				case "desk":
					mustRead(t, "desks: [{desk: a, reach: 'true', "+f.name+": "+value+"}]\n"+oneRule)
				}
			}
		}
	}
}
