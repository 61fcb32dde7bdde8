package house_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

const pageOfProofs = "docs/proof.md"

// The table of methods is written from proof.Specs.
func TestThePageOfProofsSaysWhatTheTableSays(t *testing.T) {
	const from, to = "<!-- methods: written by go test . -run PageOfProofs -update -->\n", "<!-- /methods -->\n"
	page := string(readFile(t, pageOfProofs))
	before, rest, opened := strings.Cut(page, from)
	have, after, closed := strings.Cut(rest, to)
	if !opened || !closed {
		t.Fatalf("%s has no marks for the methods", pageOfProofs)
	}
	want := methodTable()
	switch {
	case have == want:
	case *update:
		if err := os.WriteFile(pageOfProofs, []byte(before+from+want+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: the methods are\n%s\nwrite them with go test . -run PageOfProofs -update", pageOfProofs, want)
	}
	for _, s := range proof.Specs {
		if !strings.Contains(page, "**`"+string(s.Method)+"`") && !strings.Contains(page, ", `"+string(s.Method)+"`.**") {
			t.Errorf("%s says nothing about %s by itself", pageOfProofs, s.Method)
		}
	}
}

func methodTable() string {
	var b strings.Builder
	b.WriteString("| method | what it is | travels by | resists phishing | restricted | not if it came by | no proof for | up to tier | answered within | checked by | norm | suits |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range proof.Specs {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.Method, s.Strength, quotedList(s.Channel), yes(s.PhishingResistant), yes(s.Restricted),
			intake(s), quotedList(s.Spoiled...), quotedList(s.Ceiling), inWords(s.Life), checkedBy(s), s.Section, s.Suits)
	}
	return b.String()
}

func quotedList[T ~string](words ...T) string {
	var out []string
	for _, w := range words {
		out = append(out, "`"+string(w)+"`")
	}
	return strings.Join(out, " ")
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// intake is the channel of requests for which the method does not count.
func intake(s proof.Spec) string {
	if !slices.Contains(identity.IntakeChannels, s.Channel) || s.Method == proof.InPerson {
		return ""
	}
	return quotedList(s.Channel)
}

func checkedBy(s proof.Spec) string {
	switch {
	case s.Witness:
		return "the witness's signature: everybody"
	case s.Signed:
		return "the owner's signature: everybody"
	case s.Unregistered:
		return "what a provider says: the server"
	}
	return "what was typed: the server"
}

func inWords(d time.Duration) string {
	n, unit := int(d/time.Minute), "minute"
	if d%time.Hour == 0 {
		n, unit = int(d/time.Hour), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

var boundRow = regexp.MustCompile("(?m)^\\| [^|]+ \\| (\\d+(?: in \\d+ \\w+)?) \\| `(\\w+\\.\\w+)` \\|$")

// The numbers in the table of bounds are those of the code that it names.
func TestThePageOfProofsHasTheBoundsOfTheCode(t *testing.T) {
	rows := boundRow.FindAllStringSubmatch(string(readFile(t, pageOfProofs)), -1)
	if len(rows) < 15 {
		t.Fatalf("only %d bounds were found", len(rows))
	}
	have := boundsOf(t)
	for _, r := range rows {
		if have[r[2]] != r[1] {
			t.Errorf("%s: the page says %s, the code %q", r[2], r[1], have[r[2]])
		}
	}
	// What the gate bounds, the page speaks of.
	silent := []string{"gate.invitationsAnHour", "gate.wishesAnHour", "gate.strangersAnHour", "gate.alarmsAnHour", "gate.testsAnHour"} // of what is written, not of what is tried
	for name := range have {
		if strings.HasPrefix(name, "gate.") && strings.Contains(have[name], " in ") && !slices.Contains(silent, name) &&
			!slices.ContainsFunc(rows, func(r []string) bool { return r[2] == name }) {
			t.Errorf("%s does not have the bound %s, %s", pageOfProofs, name, have[name])
		}
	}
}

// boundsOf reads package.name → "5" or "5 in 1 hour" from the sources: whole
// numbers, and values of the type bound.
func boundsOf(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, s := range goSources(t) {
		for _, d := range s.syntax.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Names) == 1 && len(v.Values) == 1 {
					if text := boundOf(v.Values[0]); text != "" {
						out[s.syntax.Name.Name+"."+v.Names[0].Name] = text
					}
				}
			}
		}
	}
	return out
}

func boundOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.INT {
			return e.Value
		}
	case *ast.CompositeLit:
		if id, ok := e.Type.(*ast.Ident); ok && id.Name == "bound" && len(e.Elts) == 2 {
			return boundOf(e.Elts[0]) + " in " + inWords(span(e.Elts[1]))
		}
	}
	return ""
}

// span reads time.Hour and 24 * time.Hour.
func span(e ast.Expr) time.Duration {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		n, _ := strconv.Atoi(boundOf(e.X))
		return time.Duration(n) * span(e.Y)
	case *ast.SelectorExpr:
		return map[string]time.Duration{"Hour": time.Hour, "Minute": time.Minute, "Second": time.Second}[e.Sel.Name]
	}
	return 0
}

func TestThePageOfProofsNamesWhatIsNone(t *testing.T) {
	_, rest, _ := strings.Cut(string(readFile(t, pageOfProofs)), "<!-- observations -->")
	have, _, _ := strings.Cut(rest, "<!-- /observations -->")
	if want := quotedList(gate.Observations...); strings.Join(strings.Fields(have), " ") != want {
		t.Errorf("the kinds are %s, the page has %s", want, have)
	}
}
