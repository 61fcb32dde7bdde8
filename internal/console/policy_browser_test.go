package console_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
)

// eval runs a script in the page and reads what it gives.
func eval[T any](b tab, script string) T {
	b.T.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	b.Must(err)
	return v
}

// until waits for a script to say yes.
func (b tab) until(what, script string) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](script)); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("main").innerText + "\n" + (document.querySelector("[data-policy]")?.value ?? "")`))
		b.T.Fatalf("waiting until %s: %v\n%s\nlog:\n%s", what, err, text, b.Log)
	}
}

// inEditor finds elements within the editor, which stands in a shadow root.
const inEditor = `document.querySelector(".editor").shadowRoot`

// cursor puts the editor's cursor behind the words and takes the keys there.
func (b tab) cursor(words string) {
	b.T.Helper()
	raw, err := json.Marshal(words)
	b.Must(err)
	if !eval[bool](b, `(() => {
		const root = `+inEditor+`, content = root.querySelector(".cm-content");
		content.focus();
		const line = [...content.querySelectorAll(".cm-line")].find((l) => l.textContent.includes(`+string(raw)+`));
		if (!line) return false;
		let left = line.textContent.indexOf(`+string(raw)+`) + `+string(raw)+`.length;
		const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
		for (let t; (t = texts.nextNode()); left -= t.length) if (left <= t.length) { (root.getSelection ? root.getSelection() : getSelection()).collapse(t, left); return true; }
		return false;
	})()`) {
		b.T.Fatalf("the editor shows no %q", words)
	}
}

// choose takes what the editor offers under that name.
func (b tab) choose(label string) {
	b.T.Helper()
	raw, err := json.Marshal(label)
	b.Must(err)
	find := `[...` + inEditor + `.querySelectorAll(".cm-completionLabel")].find((l) => l.textContent === ` + string(raw) + `)`
	b.until(label+" is offered", "!!"+find)
	at := eval[[]float64](b, `(() => { const r = `+find+`.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
	b.do("choosing "+label, chromedp.MouseClickXY(at[0], at[1]))
}

// keys types; a line's end is the Enter key alone, which the editor takes.
func (b tab) keys(text string) {
	b.T.Helper()
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
				_, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13})
				b.Must(err)
			}
		}
		if line != "" {
			b.do("typing "+line, chromedp.KeyEvent(line))
		}
	}
}

// anOfficer is a browser in which the founding officer has signed in.
func anOfficer(t *testing.T) tab {
	olive := theFounder(t)
	olive.press("Sign in with a passkey")
	olive.sees("To sign")
	return olive
}

func TestAPolicyIsWrittenCheckedAndProposedInARealBrowser(t *testing.T) {
	olive := anOfficer(t)
	olive.goTo("/policy/edit")
	heard := olive.complaints()
	olive.until("the editor stands there", `!!document.querySelector(".editor")?.shadowRoot?.querySelector(".cm-line")`)
	if n := eval[int](olive, `document.querySelectorAll("style").length + `+inEditor+`.querySelectorAll("style").length`); n != 0 {
		t.Errorf("the editor brings %d style elements", n)
	}
	olive.until("it has been checked", `document.getElementById("check-state").dataset.kind === "good"`)
	olive.picture("policy-edit")

	// A slip is underlined where it stands, and said in words beside the text.
	olive.cursor("proofs: totp")
	olive.keys("x")
	olive.until("the slip is underlined", inEditor+`.querySelector(".cm-lintRange-error")?.textContent === "totpx"`)
	olive.until("the slip is listed", `document.querySelector("#problems li.error")?.textContent.includes("totpx")`)
	if kind := eval[string](olive, `document.getElementById("check-state").dataset.kind`); kind != "bad" {
		t.Errorf("the state is %q", kind)
	}
	olive.picture("policy-edit-error")
	olive.do("going to the place", chromedp.Click(chromedp.CSS("#problems li.error button")))
	olive.until("the editor has the keys", inEditor+`.activeElement?.classList.contains("cm-content")`)
	olive.cursor("proofs: totpx")
	olive.keys(kb.Backspace)
	olive.until("it is mended", `document.getElementById("check-state").dataset.kind === "good"`)

	// A key is completed, and so are the words of a condition.
	olive.cursor("rules:")
	olive.keys("\n- rule: slower\nwh")
	olive.choose("when")
	olive.until("the key is there", `document.querySelector("[data-policy]").value.includes("  - rule: slower\n    when: ")`)
	olive.keys("subject.cl")
	olive.choose("class")
	olive.keys(" != \"unknown\"\ndemand: {wait: 3h}")
	olive.until("it loads", `document.getElementById("check-state").dataset.kind === "good"`)

	// Neither a reload nor an ended session loses what was written.
	olive.goTo("/policy/edit")
	olive.until("the draft is back", `document.querySelector("[data-policy]").value.includes("slower") && !document.getElementById("kept").hidden`)
	olive.Pass(2 * time.Hour)
	olive.press("See what it would change")
	olive.press("Sign in with a passkey")
	olive.sees("Write a policy")
	olive.until("the draft is back", `document.querySelector("[data-policy]")?.value.includes("slower")`)

	olive.press("See what it would change")
	olive.sees("What the policy would change", "asks more", "two-signatures")
	olive.press("Try it on them")
	olive.sees("requests of the last")
	olive.picture("policy-review")
	ended := func(said string) bool { return strings.Contains(said, "401 (Unauthorized)") } // the session did
	if got := slices.DeleteFunc(heard(), ended); len(got) != 0 {
		t.Errorf("the browser complains of %q", got)
	}
	olive.press("Propose it, and sign")
	olive.sees("your passkey signs these bytes", "Countersign a new policy")
	olive.press("Countersign with my passkey")
	olive.sees("To sign")
	v, err := olive.Gate.Policy(t.Context(), gate.Caller{Person: gatetest.Olive}, "")
	olive.Must(err)
	if !strings.Contains(v.Text, "  - rule: slower\n    when: subject.class != \"unknown\"\n    demand: {wait: 3h}\n") || len(v.Editions) != 2 {
		t.Errorf("in force is\n%s", v.Text)
	}
	olive.goTo("/policy")
	olive.sees("slower")
	olive.picture("policy")
	olive.goTo("/policy/diff")
	olive.sees("What changes")
	olive.picture("policy-diff")
}

func TestTheOtherPolicyPagesInARealBrowser(t *testing.T) {
	starter, err := os.ReadFile("../../policies/starter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile("../../policies/starter.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h := gatetest.New(t, string(starter))
	b := browse(t, h)
	b.works(gatetest.Olive)
	heard := b.complaints()
	b.goTo("/policy")
	b.sees("two-things")
	b.picture("policy")
	b.goTo("/policy/explain")
	b.sees("What would be asked of somebody?")
	b.picture("policy-explain-empty")
	b.do("choosing the desk", chromedp.SetValue(chromedp.CSS("#desk"), "helpdesk"))
	b.types("unit", "Payroll")
	b.do("asking for less", chromedp.Click(chromedp.CSS("input[name=less]")))
	b.press("See what is asked")
	b.sees("because of the rule", "Less would be asked")
	b.picture("policy-explain")
	b.goTo("/policy/explain?desk=nightline&admin=true")
	b.sees("The policy refuses this request")
	b.picture("policy-explain-refused")
	b.goTo("/policy/prove")
	b.sees("two-signatures")
	b.picture("policy-prove")

	// The cases are a file, which the script takes in and keeps in the tab.
	path := filepath.Join(t.TempDir(), "starter.test.yaml")
	b.Must(os.WriteFile(path, []byte(strings.Replace(string(cases), "tier: high", "tier: low", 1)), 0o600))
	b.goTo("/policy/tests")
	b.do("taking a file", chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{path}))
	b.until("the file is there", `document.getElementById("cases").value.includes("tier: low")`)
	b.goTo("/policy/tests")
	b.until("it was kept", `document.getElementById("cases").value.includes("tier: low")`)
	b.press("Run the cases")
	b.sees("fail")
	b.picture("policy-tests")

	// What is being written in this tab can stand in for the policy in force.
	b.goTo("/policy/edit")
	b.until("the editor stands there", `!!document.querySelector(".editor")?.shadowRoot?.querySelector(".cm-line")`)
	b.picture("policy-edit-long")
	b.cursor("name: starter")
	b.keys("-draft")
	b.until("it is kept", `sessionStorage.getItem("policy-draft")?.includes("starter-draft")`)
	b.goTo("/policy/prove")
	b.do("choosing the draft", chromedp.Click(chromedp.CSS("[data-draft] input")))
	b.press("Prove it")
	b.sees("of the policy that you are writing")
	if got := heard(); len(got) != 0 {
		t.Errorf("the browser complains of %q", got)
	}
}
