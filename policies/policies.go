// Package policies carries the ready-made policies of this folder inside the
// program, for whoever founds a roster or looks for a stricter policy without a
// copy of the source at hand. README.md says what each needs.
package policies

import "embed"

//go:embed starter.yaml nist-800-63b-4.yaml outsourced-desk.yaml finance.yaml healthcare.yaml
var files embed.FS

// Ready is one ready-made policy.
type Ready struct {
	Name string // as the policy names itself, and its file without .yaml
}

// All lists them, the simplest first.
var All = []Ready{{"starter"}, {"nist-800-63b-4"}, {"outsourced-desk"}, {"finance"}, {"healthcare"}}

// Text is the policy's whole text, byte for byte as in its file.
func (r Ready) Text() string {
	raw, err := files.ReadFile(r.Name + ".yaml")
	if err != nil {
		panic("policies: " + err.Error()) // the table above and the files are of one build
	}
	return string(raw)
}

// Find finds one by its name.
func Find(name string) (Ready, bool) {
	for _, r := range All {
		if r.Name == name {
			return r, true
		}
	}
	return Ready{}, false
}
