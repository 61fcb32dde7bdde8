package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// BenchmarkPress is the time from a press in a real browser until the answer
// with what was committed is there, and until its page is painted; both are
// medians of the presses. What leads up to a press is left out. Where a passkey
// signs, it answers at once. The base is a page of one line, which commits nothing.
func BenchmarkPress(b *testing.B) {
	h := gatetest.New(b, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	finch := browse(b, h)
	finch.works(gatetest.Finch)
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>bare</title><main><p>%s</p><a href="/next">Next</a></main>`, r.URL.Path)
	}))
	b.Cleanup(bare.Close)
	b.Run("bare", func(b *testing.B) {
		finch.measure(b, func() { finch.do("going to a bare page", chromedp.Navigate(bare.URL)) }, "Next", `//main/p[.="/next"]`)
	})
	look := func() {
		finch.goTo("/desk")
		finch.types("login", gatetest.Wren)
	}
	const found = `//main//h2[contains(., "Wren Ito")]`
	b.Run("look", func(b *testing.B) { finch.measure(b, look, "Look up", found) })
	b.Run("open", func(b *testing.B) {
		finch.measure(b, func() {
			cancelAll(h)
			look()
			finch.press("Look up")
			finch.do("finding", chromedp.WaitVisible(found))
		}, "Open the request", `//main//h1[contains(., "New password")]`)
	})
	wren := finch.another()
	b.Run("prove", func(b *testing.B) {
		wren.measure(b, func() {
			cancelAll(h)
			h.Pass(time.Minute) // an app's code counts once
			v := h.Open(gatetest.Wren, identity.PasswordReset)
			wren.goTo("/")
			wren.types("code", v.Case)
			wren.press("Open my case")
			wren.press("Authenticator app")
			wren.types("answer", h.Code(seed))
		}, "Confirm", `//main//h2[contains(., "people who have to sign")]`)
	})
	b.Run("sign", pressAndSign)
}

// pressAndSign has a house of its own, whose founder has a key in the browser.
func pressAndSign(b *testing.B) {
	olive := theFounder(b)
	h := olive.House
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	olive.goTo("/sign-in?next=/approvals")
	olive.press("Sign in with a passkey")
	olive.sees("Nothing waits for you")
	olive.measure(b, func() {
		h.Pass(time.Minute)
		v, err := h.Gate.Open(b.Context(), gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}},
			gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
		h.Must(err)
		h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
		olive.goTo("/requests/" + v.ID + "/sign?decision=approval")
		olive.sees("your passkey signs these bytes")
	}, "Approve with my passkey", `//main//h2[contains(., "How far it is")]`)
}

// cancelAll ends what is open, so that another request can be opened.
func cancelAll(h *gatetest.House) {
	h.T.Helper()
	open, _, err := h.Gate.List(h.T.Context(), gatetest.Staff(gatetest.Finch), gate.Filter{Statuses: []string{"proving", "approving"}})
	h.Must(err)
	for _, v := range open {
		_, err := h.Gate.Cancel(h.T.Context(), gatetest.Staff(gatetest.Finch), v.ID)
		h.Must(err)
	}
}

// measure presses as often as the benchmark wants.
func (b tab) measure(bench *testing.B, prepare func(), press, shown string) {
	var answered, painted []time.Duration
	for bench.Loop() {
		prepare()
		b.runs(`addEventListener("click", () => sessionStorage.setItem("pressed", performance.timeOrigin + performance.now()), { capture: true, once: true })`)
		b.press(press)
		b.do("seeing what was committed", chromedp.WaitVisible(shown))
		ms, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]float64](`new Promise((done) => {
			const look = () => {
				const began = Number(sessionStorage.getItem("pressed")) - performance.timeOrigin;
				const [answer] = performance.getEntriesByType("navigation"), [paint] = performance.getEntriesByName("first-contentful-paint");
				if (paint) done([answer.responseEnd - began, paint.startTime - began]);
				else setTimeout(look, 5);
			};
			look();
		})`, chromedp.EvalAwaitPromise))
		b.Must(err)
		answered, painted = append(answered, milliseconds(ms[0])), append(painted, milliseconds(ms[1]))
	}
	for unit, took := range map[string][]time.Duration{"ns/answer": answered, "ns/paint": painted} {
		slices.Sort(took)
		bench.ReportMetric(float64(took[len(took)/2]), unit)
	}
}

func milliseconds(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
