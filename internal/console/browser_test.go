package console_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"countersign/internal/gate/gatetest"
	"countersign/internal/rest"
	"countersign/internal/signin"
)

// pictures is where the browser tests leave a picture of every page they come
// by, in both themes, wide and narrow. Tests run in their package's folder.
var pictures = flag.String("pictures", "", "folder for pictures of the pages")

// images is where they leave those that the documentation shows.
var images = flag.String("images", "", "folder for the pictures of the documentation")

// imagesOf names them: a page's picture, and the file it becomes.
var imagesOf = map[string]string{
	"desk-found": "desk", "request-proving": "request", "sign": "sign", "case-ways": "case", "ledger-entry": "ledger", "reports": "reports", "policy-edit": "policy",
}

// patience is how long a browser has for one step. It is spent by faults alone;
// a machine with other work is slow at times.
const patience = time.Minute

// chromium starts a real browser, or says why there is none.
func chromium(t testing.TB, s *site) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs chromium (apt-get install chromium)")
		}
		t.Skip("SKIP: needs chromium (apt-get install chromium)")
	}
	_, port, err := net.SplitHostPort(s.server.Listener.Addr().String())
	s.Must(err)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// The pages live at the house's origin, wherever the server listens.
		chromedp.Flag("host-resolver-rules", "MAP localhost:8080 127.0.0.1:"+port))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	s.Must(chromedp.Do(ctx))
	return ctx
}

// tab is one tab of a real browser.
type tab struct {
	*site
	ctx  context.Context
	mute bool // its scripts are off
}

func (b tab) do(doing string, steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.T.Fatalf("%s: %v\nat %s:\n%s\nlog:\n%s", doing, err, at, text, b.Log)
	}
}

func (b tab) goTo(path string) {
	b.T.Helper()
	b.do("going to "+path, chromedp.Navigate(gatetest.Origin+path))
}

// press clicks the button or link with that text.
func (b tab) press(text string) {
	b.T.Helper()
	at := fmt.Sprintf(`//main//*[self::button or self::a or self::summary][not(@disabled)][contains(normalize-space(.), %q)]`, text)
	b.do("pressing "+text, chromedp.Click(at, chromedp.NodeVisible))
}

// sees waits until the page shows the words.
func (b tab) sees(words ...string) {
	b.T.Helper()
	for _, w := range words {
		b.do("looking for "+w, chromedp.WaitVisible(fmt.Sprintf(`//main//*[text()[contains(normalize-space(.), %q)]]`, w)))
	}
}

func (b tab) types(name, text string) {
	b.T.Helper()
	b.do("typing", chromedp.SendKeys(chromedp.CSS("input[name="+name+"]"), text))
}

func (b tab) text(css string) string {
	b.T.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.TextContent(chromedp.CSS(css)))
	b.Must(err)
	return text
}

// passkey gives the tab an authenticator that answers at once.
func (b tab) passkey() {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	b.Must(err)
	yes := true
	_, err = chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: yes, HasUserVerification: yes, IsUserVerified: yes, AutomaticPresenceSimulation: yes,
	}})
	b.Must(err)
}

// scripts switches them off or on.
func (b *tab) scripts(on bool) {
	b.T.Helper()
	b.mute = !on
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	b.Must(err)
}

// picture looks at the page as it is, in a light and wide window and on a dark
// telephone: nothing hangs over the edge, and axe finds nothing that keeps
// anybody out. If pictures are wanted, it takes them, in all four ways.
func (b tab) picture(name string) {
	b.T.Helper()
	for _, look := range []struct {
		theme, screen string
		width         int64
		always        bool
	}{{"light", "wide", 1180, true}, {"light", "phone", 360, false}, {"dark", "wide", 1180, false}, {"dark", "phone", 360, true}} {
		if *pictures == "" && !look.always {
			continue
		}
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.theme}}})
		b.Must(err)
		b.Must(chromedp.Do(b.ctx, chromedp.EmulateViewport(look.width, 400, chromedp.EmulateScale(2))))
		m, err := chromedp.Call(b.ctx, page.GetLayoutMetrics, cdp.Empty{})
		b.Must(err)
		if over := int64(m.CSSContentSize.Width); over > look.width {
			b.T.Errorf("%s is %d wide on a screen of %d", name, over, look.width)
		}
		b.reachable(name + ", " + look.theme + " and " + look.screen)
		if look.theme+look.screen == "lightwide" {
			b.image(name)
		}
		if *pictures == "" {
			continue
		}
		b.Must(os.MkdirAll(*pictures, 0o755))
		b.Must(chromedp.Do(b.ctx, chromedp.EmulateViewport(look.width, max(600, int64(m.CSSContentSize.Height)), chromedp.EmulateScale(2))))
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		b.Must(err)
		b.Must(os.WriteFile(filepath.Join(*pictures, name+"-"+look.theme+"-"+look.screen+".png"), png, 0o644))
	}
	b.Must(chromedp.Do(b.ctx, chromedp.EmulateViewport(1180, 900)))
}

// image leaves the picture for the documentation, if it is one and wanted.
func (b tab) image(name string) {
	b.T.Helper()
	file, ok := imagesOf[name]
	if !ok || *images == "" {
		return
	}
	b.Must(chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 860)))
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	b.Must(err)
	b.Must(os.WriteFile(filepath.Join(*images, file+".png"), png, 0o644))
}

// axe is what judges whether everybody can use a page.
var axe = sync.OnceValues(func() (string, error) {
	script, err := os.ReadFile("../../node_modules/axe-core/axe.min.js")
	return string(script), err
})

// reachable asks axe about the page. A page whose scripts are off is left out:
// axe is one.
func (b tab) reachable(name string) {
	b.T.Helper()
	if _, err := axe(); err != nil && os.Getenv("CI") == "true" {
		b.T.Fatalf("needs axe-core (make assets): %v", err)
	} else if err != nil || b.mute {
		return
	}
	if found := b.barriers(); found != "" {
		b.T.Errorf("%s, as axe sees it:\n%s", name, found)
	}
}

// barriers is what axe finds on the page.
func (b tab) barriers() string {
	b.T.Helper()
	script, err := axe()
	b.Must(err)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script+`;
		axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) =>
			r.violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.map((n) => "    " + n.html + "\n      " + n.failureSummary.replaceAll("\n", " ")).join("\n")).join("\n"))`,
		chromedp.EvalAwaitPromise))
	b.Must(err)
	return found
}

func TestAxeFindsWhatKeepsPeopleOut(t *testing.T) {
	b := browse(t, gatetest.New(t, gatetest.Policy))
	b.goTo("/check")
	if found := b.barriers(); found != "" {
		t.Errorf("before: %s", found)
	}
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => { document.getElementById("main").append(document.createElement("button")); return true; })()`))
	b.Must(err)
	if found := b.barriers(); !strings.Contains(found, "button-name") {
		t.Errorf("a button without a name goes unnoticed: %q", found)
	}
}

// browse opens the API beside the pages, and a browser.
func browse(t testing.TB, h *gatetest.House) tab {
	s := openSite(t, h, func(who *signin.Signin) http.Handler {
		return rest.New(rest.Options{Gate: h.Gate, Signin: who})
	})
	return tab{site: s, ctx: chromium(t, s)}
}

// another opens a tab that shares nothing with the others.
func (b tab) another() tab {
	b.T.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.T.Cleanup(cancel)
	b.Must(chromedp.Do(ctx))
	return tab{site: b.site, ctx: ctx}
}

func (b tab) runs(script string) {
	b.T.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("(() => { "+script+"; return true; })()"))
	b.Must(err)
}

// strikes presses keys one after the other, wherever the focus is.
func (b tab) strikes(keys string, with ...chromedp.KeyOption) {
	b.T.Helper()
	b.do("pressing keys", chromedp.KeyEvent(keys, with...))
}

// arrives waits until the browser is at a place of the navigation.
func (b tab) arrives(path string) {
	b.T.Helper()
	b.do("coming to "+path, chromedp.WaitReady(fmt.Sprintf(`//a[@aria-current="page"][@href=%q]`, path)))
}

// complaints collects what the browser holds against the pages, such as a
// breach of the content security policy. What it returns ends the collection
// with a breach of its own, and so knows that breaches are heard of.
func (b tab) complaints() func() []string {
	all := make(chan []string, 1)
	messages := chromedp.Console(b.ctx)
	go func() {
		var heard []string
		defer func() { all <- heard }()
		for m, err := range messages {
			if err != nil || strings.Contains(m.Text, "TrustedHTML") {
				return
			}
			heard = append(heard, fmt.Sprintf("%s: %s", m.Type, m.Text))
		}
	}()
	return func() []string {
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(() => { try { document.body.innerHTML = "<b>x</b>"; return "let through"; } catch (e) { return e.name; } })()`))
		b.Must(err)
		if got != "TypeError" {
			b.T.Errorf("markup from text is %s", got)
		}
		select {
		case heard := <-all:
			return heard
		case <-b.ctx.Done():
			b.T.Fatal("the browser says nothing of a breach")
			return nil
		}
	}
}
