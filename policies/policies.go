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
	When string // when to start from it
	Adds string // what it adds to the starter; "" for the starter
}

// All lists them, the simplest first.
var All = []Ready{
	{"starter", "You are small, or want to see it work first.", ""},
	{"nist-800-63b-4", "An auditor will hold you against SP 800-63B-4.", "Recovery at AAL2 and AAL3 section by section, binding, proofing at IAL3, and accounts that were never proofed."},
	{"outsourced-desk", "A vendor answers the telephone, by night or always.", "A reach and a cap for the vendor as a whole, the clock of the people it serves, and a second look at whom it asked about before."},
	{"finance", "People here can pay somebody.", "Four eyes and probation for payroll and treasury, days on which payments run, executives abroad, contractors, and people without a manager."},
	{"healthcare", "People work in shifts and somebody waits for them.", "Passes for a shift, a duty manager instead of a sleeping one, shared accounts, clinicians on call, and a narrow path in an emergency."},
}

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
