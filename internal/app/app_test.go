package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/client"
	"countersign/internal/identity"
	"countersign/internal/softkey"
)

const policyText = `apiVersion: countersign/v1
name: test
risk_analysis: none, this is a test
classes:
  - {class: standard, when: "true"}
desks:
  - {desk: helpdesk, reach: "true"}
rules:
  - rule: everybody
    when: "true"
    demand: {proofs: totp}
`

// config is that of a server on the embedded default.
func config(t *testing.T) Config {
	t.Helper()
	c, _, err := LoadConfig(written(t, "c.yaml", strings.Replace(small, "https://countersign.example.org", "http://localhost:1", 1)+
		"listen: 127.0.0.1:0\nsignin: {software_passkeys: true}\n", "policy.yaml", policyText), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// started returns a server, its address, and a way to stop it.
func started(t *testing.T, c Config) (*App, func()) {
	t.Helper()
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("running: %v", err)
		}
	}
	t.Cleanup(stop)
	return a, stop
}

func get(t *testing.T, a *App, path string) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + a.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// founded founds the roster of a data folder and returns the founder's key.
func founded(t *testing.T, c Config) softkey.Key {
	t.Helper()
	token, link, err := InviteFounder(t.Context(), c, Founder{Person: "person:one", Name: "One", Roles: []identity.Role{identity.Officer}}, c.Policy)
	if err != nil {
		t.Fatal(err)
	}
	if link != "http://localhost:1/join#"+token {
		t.Errorf("the invitation leads to %s", link)
	}
	a, stop := started(t, c)
	defer stop()
	k := softkey.New(rand.Reader)
	api := at(t, a)
	joined, err := api.Join(t.Context(), token, k)
	if err == nil {
		err = api.Found(t.Context(), token, *joined.Sign, k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// at is a client whose server has the address of its base_url, wherever it
// really listens.
func at(t *testing.T, a *App) client.Client {
	t.Helper()
	c, err := client.New(a.URL())
	if err != nil {
		t.Fatal(err)
	}
	return c.Through(roundTrip(func(r *http.Request) (*http.Response, error) {
		r.URL.Host = a.Addr().String()
		return http.DefaultTransport.RoundTrip(r)
	}))
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAServerSaysWhatItLacks(t *testing.T) {
	a, _ := started(t, config(t))
	status, body := get(t, a, "/readyz")
	if status != 200 || !strings.Contains(body, "countersign roster init") {
		t.Errorf("%d %s", status, body)
	}
	if status, body = get(t, a, "/healthz"); status != 200 || !strings.Contains(body, `"ok"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _ = get(t, a, "/"); status != 200 {
		t.Errorf("the front page answers %d", status)
	}
	if status, _ = get(t, a, "/ledger/checkpoint"); status != 200 {
		t.Errorf("the checkpoint answers %d", status)
	}
}

func TestMetricsCountByPatternNeverByPath(t *testing.T) {
	a, _ := started(t, config(t))
	get(t, a, "/healthz")
	get(t, a, "/requests/req_secret")
	get(t, a, "/api/v1/requests/req_secret")
	get(t, a, "/no/such/page-of-mine")
	_, body := get(t, a, "/metrics")
	for _, want := range []string{
		`countersign_http_request_seconds_count{route="GET /healthz",status="200"} 1`,
		`countersign_http_request_seconds_count{route="GET /api/v1/requests/{id}",status="401"} 1`,
		`countersign_http_request_seconds_count{route="GET /requests/{id}",status="303"} 1`,
		`countersign_requests_open{status="proving"} 0`,
		`countersign_directory_errors_total{directory="people"} 0`,
		`countersign_check_ok{check="store"} 1`, `countersign_check_ok{check="roster"} 0`, "countersign_ledger_entries 0",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(body, "secret") || strings.Contains(body, "of-mine") {
		t.Error("a path became a label")
	}
}

func TestTheFoundingEntryIsPinnedAndHeldAgainstTheLedger(t *testing.T) {
	c := config(t)
	founded(t, c)
	file := filepath.Join(c.Data, fileGenesis)
	mine, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := config(t)
	founded(t, other)
	theirs, err := os.ReadFile(filepath.Join(other.Data, fileGenesis))
	if err != nil {
		t.Fatal(err)
	}
	refuses := func(why, want string) {
		t.Helper()
		if a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)}); err == nil {
			a.Close()
			t.Errorf("%s: it started", why)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", why, err)
		}
	}
	put := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(c.Data, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(fileGenesis, theirs)
	refuses("another founding entry", "does not begin with the founding entry in")
	put(fileGenesis, []byte("{}"))
	refuses("no founding entry", `format is ""`)
	put(fileGenesis, mine)
	_, stop := started(t, c)
	stop()

	key := filepath.Join(c.Data, fileLogKey)
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	refuses("a lost key", "bring the key back from your backup")
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses("a key for all to read", "may be read by others")
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Ledger.Origin = "another.example"
	refuses("another name", `is the key of the ledger "localhost", but`)
}

func TestAnEmptiedStoreIsNotTakenForANewOne(t *testing.T) {
	c := config(t)
	founded(t, c)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(c.Data, fileStore+suffix)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)}); err == nil {
		a.Close()
		t.Error("it started on an empty store")
	} else if !strings.Contains(err.Error(), "the ledger has no founding entry") {
		t.Error(err)
	}
}

func TestAPolicyFileThatDoesNotLoadChangesNothingButReadiness(t *testing.T) {
	c := config(t)
	founded(t, c)
	a, _ := started(t, c)
	finding := func() Check {
		t.Helper()
		_, body := get(t, a, "/readyz")
		var all struct {
			Ready  bool
			Checks []Check
		}
		if err := json.Unmarshal([]byte(body), &all); err != nil || !all.Ready {
			t.Fatalf("%v %s", err, body)
		}
		for _, c := range all.Checks {
			if c.Name == "policy" {
				return c
			}
		}
		t.Fatal("no word about the policy")
		return Check{}
	}
	if f := finding(); f.Severity != OK {
		t.Fatalf("%+v", f)
	}
	chain, err := a.gate.Chain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, try := range []struct{ text, want string }{
		{"apiVersion: countersign/v9", "does not load; " + chain.Policy + " stays in force (countersign policy check policy.yaml"},
		{"zone: Mars/Olympus_Mons\n" + policyText, "does not load; " + chain.Policy + " stays in force"},
		{policyText + "# another comment\n", "put it up for signature with countersign policy publish policy.yaml"},
	} {
		if err := os.WriteFile(c.Policy, []byte(try.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		f := finding()
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(f.Detail, try.want) && time.Now().Before(deadline); {
			f = finding()
		}
		if f.Severity != Warning || !strings.Contains(f.Detail, try.want) {
			t.Errorf("%+v\nwant %s", f, try.want)
		}
		if now, err := a.gate.Chain(t.Context()); err != nil || now.Policy != chain.Policy {
			t.Errorf("the policy in force changed (%v)", err)
		}
	}
}

func TestOneProcessHoldsTheLedger(t *testing.T) {
	c := config(t)
	_, stop := started(t, c)
	if _, err := Accounts(t.Context(), c, ""); err == nil || !strings.Contains(err.Error(), "another process has this ledger open; stop it first") {
		t.Errorf("beside a server: %v", err)
	}
	if _, err := CheckLedger(t.Context(), c); err != nil {
		t.Errorf("reading beside a server: %v", err)
	}
	stop()
	added, err := AddAccount(t.Context(), c, NewAccount{Login: "m.ito", Name: "M. Ito", Email: "m@home.example", OwnEmail: true, Phone: "+15550100", Groups: []string{"staff"}})
	if err != nil || added.Contacts != 2 {
		t.Fatalf("%+v %v", added, err)
	}
	if _, err := AddAccount(t.Context(), c, NewAccount{Login: "x", Name: "X", Manager: "nobody"}); err == nil || !strings.Contains(err.Error(), `the manager "nobody"`) {
		t.Errorf("an unknown manager: %v", err)
	}
	if _, err := AddAccount(t.Context(), c, NewAccount{Directory: "corp", Login: "x", Name: "X"}); err == nil || !strings.Contains(err.Error(), `no directory of kind local named "corp"`) {
		t.Errorf("an unknown directory: %v", err)
	}
}
