package demo_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// pictures is where the browser tests leave a picture of what they come by.
var pictures = flag.String("pictures", "", "folder for pictures of the pages")

// tab is one tab of a real browser.
type tab struct {
	*theatre
	ctx context.Context
}

// patience is how long a browser has for one step; faults alone spend it.
const patience = time.Minute

// browse starts a real browser of a size, or says why there is none.
func (h *theatre) browse(width, height int64) tab {
	h.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			h.Fatal("needs chromium (apt-get install chromium)")
		}
		h.Skip("SKIP: needs chromium (apt-get install chromium)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(h.Context(), 4*time.Minute)
	h.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	h.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	h.Cleanup(stop)
	h.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, height)))
	return tab{h, ctx}
}

func (b tab) do(doing string, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.picture("failed")
		b.Fatalf("%s: %v\nat %s:\n%s", doing, err, at, text)
	}
}

func (b tab) goTo(path string) {
	b.Helper()
	b.do("going to "+path, chromedp.Navigate(b.base+path))
}

// in finds the button, link or summary with that text inside a part of the page.
func in(part, text string) string {
	return fmt.Sprintf(`(//%s//*[self::button or self::a or self::summary][not(@disabled)][contains(normalize-space(.), %q) or contains(@aria-label, %q)])[1]`, part, text, text)
}

// sees waits until the page shows the words.
func (b tab) sees(words ...string) {
	b.Helper()
	for _, w := range words {
		b.do("looking for "+w, chromedp.WaitVisible(fmt.Sprintf(`//main//*[text()[contains(normalize-space(.), %q)]]`, w)))
	}
}

// axe is what judges whether everybody can use a page.
var axe = sync.OnceValues(func() (string, error) {
	script, err := os.ReadFile("../../node_modules/axe-core/axe.min.js")
	return string(script), err
})

// reachable asks axe about what the demo brings: all of its own pages, and on
// the product's its panel and its dialog.
func (b tab) reachable(name string) {
	b.Helper()
	script, err := axe()
	if err != nil && os.Getenv("CI") == "true" {
		b.Fatalf("needs axe-core (make assets): %v", err)
	} else if err != nil {
		return
	}
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script+`;
		axe.run(location.pathname.startsWith("/demo") ? document : { include: [".demo-bar", "#demo-panel", "dialog.demo-key"].filter((s) => document.querySelector(s)) },
			{ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) =>
			r.violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.map((n) => "    " + n.html + "\n      " + n.failureSummary.replaceAll("\n", " ")).join("\n")).join("\n"))`,
		chromedp.EvalAwaitPromise))
	b.must(err)
	if found != "" {
		b.Errorf("%s, as axe sees it:\n%s", name, found)
	}
}

// picture looks at what is on the screen, and takes it if pictures are wanted.
func (b tab) picture(name string) {
	b.Helper()
	b.reachable(name)
	if over := b.truth(`document.documentElement.scrollWidth > innerWidth`); over {
		b.Errorf("%s hangs over the edge", name)
	}
	if *pictures == "" {
		return
	}
	b.must(os.MkdirAll(*pictures, 0o755))
	for _, theme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		b.must(err)
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		b.must(err)
		b.must(os.WriteFile(filepath.Join(*pictures, name+"-"+theme+".png"), png, 0o644))
	}
}

// is waits until the page says whom one is.
func (b tab) is(name string) {
	b.Helper()
	b.do("being "+name, chromedp.WaitVisible(fmt.Sprintf(`//button[@aria-controls="demo-panel"]/span[.=%q]`, name)))
}
