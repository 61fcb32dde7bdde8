// Package house_test keeps the house in order: which package may import what,
// and what may not stand in it at all. The table below is the rule; the
// checker beside it parses every file in this process, so that the test
// cache, which follows the files a test opens, cannot hide a fault.
//
// A new package fails here until it has a row. That is the moment to decide
// on which floor it lives.
package house_test

import (
	"os"
	"strings"
	"testing"
)

// pureStd is what a pure package may use of the standard library: arithmetic,
// text and encodings. Nothing that waits, opens, remembers or is random; time,
// ids and chance reach a pure package as arguments.
const pureStd = `
	bufio bytes cmp container/heap container/list
	crypto crypto/ecdh crypto/ecdsa crypto/ed25519 crypto/elliptic crypto/hmac crypto/rsa
	crypto/sha1 crypto/sha256 crypto/sha512 crypto/subtle crypto/x509
	embed encoding encoding/asn1 encoding/base32 encoding/base64 encoding/binary encoding/hex
	encoding/json encoding/pem errors fmt hash io iter maps math math/big math/bits
	net/mail net/netip net/url path reflect regexp regexp/syntax slices sort strconv strings
	text/tabwriter text/template time unicode unicode/utf16 unicode/utf8`

// guardedStd is what the other floors may use only where their row says so.
const guardedStd = `
	database/sql expvar log log/syslog math/rand net/http net/rpc net/smtp
	os/exec plugin syscall testing unsafe`

// allPure are the pure packages an assembling package may lean on.
const allPure = `identity statement proof proof/... approval policy ledger roster enrolment reset evidence risk`

// rows is the house. Names in ours stand below internal/; a slash before one says
// that it stands at the root.
var rows = []row{
	// The pure core, from the ground up.
	{at: "internal/identity", floor: pure, vendors: "golang.org/x/text/unicode/norm"},
	{at: "internal/statement", floor: pure, ours: "identity", vendors: "golang.org/x/text/unicode/norm"},
	{at: "internal/ledger", floor: pure, ours: "identity", vendors: "golang.org/x/mod/sumdb"},
	{at: "internal/proof", floor: pure, ours: "identity"},
	{at: "internal/proof/totp", floor: pure, ours: "identity proof", vendors: "github.com/pquerna/otp"},
	{at: "internal/proof/code", floor: pure, ours: "identity proof"},
	{at: "internal/proof/recoverycode", floor: pure, ours: "identity proof"},
	{at: "internal/proof/passkey", floor: pure, ours: "identity proof",
		vendors: "github.com/go-webauthn/webauthn github.com/fxamacker/cbor/v2"},
	{at: "internal/proof/device", floor: pure},
	{at: "internal/proof/idv", floor: pure, ours: "identity",
		vendors: "github.com/go-jose/go-jose/v4 golang.org/x/text/cases golang.org/x/text/unicode/norm"},
	{at: "internal/proof/oidc", floor: pure},
	{at: "internal/approval", floor: pure, ours: "identity"},
	{at: "internal/policy/expr", floor: pure},
	{at: "internal/policy", floor: pure, ours: "identity proof approval policy/expr policy/yamltext",
		vendors: "cel.dev/cel-go cel.dev/expr go.yaml.in/yaml/v4"},
	// What people write: policies, and for their tools requests and cases.
	{at: "internal/policy/yamltext", floor: pure, ours: "identity", vendors: "go.yaml.in/yaml/v4 golang.org/x/text/unicode/norm"},
	{at: "internal/policy/specimen", floor: pure, ours: "identity proof policy policy/yamltext", vendors: "go.yaml.in/yaml/v4"},
	{at: "internal/policy/cases", floor: pure, ours: "identity proof approval policy policy/specimen policy/yamltext",
		vendors: "go.yaml.in/yaml/v4"},
	// prove alone knows the solver.
	{at: "internal/policy/prove", floor: pure, ours: "identity proof approval policy policy/expr policy/specimen",
		vendors: "github.com/crillab/gophersat"},
	{at: "internal/policy/lint", floor: pure, ours: "identity proof policy policy/expr policy/prove policy/specimen policy/yamltext",
		vendors: "go.yaml.in/yaml/v4"},
	{at: "internal/policy/change", floor: pure, ours: "identity proof approval policy"},
	{at: "internal/policy/diff", floor: pure, ours: "identity proof approval policy policy/change policy/expr policy/prove policy/specimen"},
	{at: "internal/policy/explain", floor: pure, ours: "identity policy policy/change policy/prove policy/specimen"},
	// The roster says who may sign; what they may sign is the policy's affair.
	{at: "internal/roster", floor: pure, ours: "identity statement ledger proof proof/passkey"},
	{at: "internal/enrolment", floor: pure, ours: "identity ledger proof proof/passkey"},
	{at: "internal/reset", floor: pure, ours: "identity statement proof proof/passkey approval policy ledger"},
	// The auditor's roots are the verifiers of signed notes.
	{at: "internal/evidence", floor: pure, ours: allPure, vendors: "golang.org/x/mod/sumdb/note"},
	{at: "internal/risk", floor: pure, ours: "identity ledger policy reset"},

	// Tools: one job each, no knowledge of requests.
	{at: "internal/passhash", floor: tool, vendors: "golang.org/x/crypto/argon2"},
	{at: "internal/sealing", floor: tool, ours: "identity", vendors: "filippo.io/age"},
	// outbound is the only one that calls out over HTTP; the dialler's guard sees
	// the address as the system call does.
	{at: "internal/outbound", floor: tool, std: "net/http syscall"},
	// softkey is a passkey in software, for the demo, scripts and tests; its
	// key file is locked with a passphrase.
	{at: "internal/softkey", floor: tool, ours: "identity proof proof/passkey",
		vendors: "github.com/fxamacker/cbor/v2 filippo.io/age"},

	// openid is the client of the organisation's provider; openidtest is a
	// provider that can be told to lie.
	{at: "internal/openid", floor: tool, ours: "identity proof/oidc", std: "net/http",
		vendors: "github.com/coreos/go-oidc/v3/oidc golang.org/x/oauth2"},
	{at: "internal/openid/openidtest", floor: suite, std: "testing net/http"},

	// Ports and what stands behind them. A backend never imports a sibling.
	{at: "internal/store", floor: port, ours: "identity ledger", vendors: "golang.org/x/mod/sumdb"},
	{at: "internal/store/sqlite", floor: backend, ours: "store identity ledger", std: "database/sql syscall",
		vendors: `modernc.org/sqlite github.com/pressly/goose/v3 github.com/riverqueue/river
			golang.org/x/mod/sumdb golang.org/x/sync`},
	{at: "internal/store/storetest", floor: suite, ours: "store identity ledger", std: "testing",
		vendors: "github.com/google/go-cmp pgregory.net/rapid golang.org/x/mod/sumdb"},
	// What a directory knows of an account becomes the facts of a policy here, once
	// for every backend.
	{at: "internal/directory", floor: port, ours: "identity policy", vendors: "golang.org/x/text/unicode/norm"},
	// ldapconn dials, binds and pages for the two that speak LDAP.
	{at: "internal/directory/ldapconn", floor: tool, ours: "directory identity", vendors: "github.com/go-ldap/ldap/v3"},
	{at: "internal/directory/ldap", floor: backend, ours: "directory directory/ldapconn identity",
		vendors: "github.com/go-ldap/ldap/v3 github.com/google/uuid"},
	{at: "internal/directory/activedirectory", floor: backend, ours: "directory directory/ldapconn identity",
		vendors: "github.com/go-ldap/ldap/v3 github.com/google/uuid golang.org/x/text/encoding/unicode"},
	// local keeps its accounts in Countersign's own store, hashed as every
	// secret here is, so it leans on one port more than its siblings.
	{at: "internal/directory/local", floor: backend, ours: "directory identity store passhash",
		vendors: "github.com/google/uuid"},
	// The harness starts real servers as child processes.
	{at: "internal/directory/directorytest/...", floor: suite,
		ours: "directory directory/... identity passhash store store/...", std: "testing os/exec syscall",
		vendors: "github.com/go-ldap/ldap/v3 github.com/go-asn1-ber/asn1-ber github.com/google/go-cmp pgregory.net/rapid"},
	{at: "internal/notify", floor: port, ours: "identity"},
	{at: "internal/notify/smtp", floor: backend, ours: "notify identity", vendors: "github.com/wneessen/go-mail"},
	{at: "internal/notify/mailbox", floor: backend, ours: "notify identity"},
	{at: "internal/notify/gateway", floor: backend, ours: "notify outbound identity", std: "net/http"},
	{at: "internal/notify/notifytest", floor: suite, ours: "notify notify/... identity outbound", std: "testing net/http",
		vendors: "github.com/emersion/go-smtp github.com/emersion/go-sasl github.com/google/go-cmp"},

	// The door, the hands, and who is calling. None of them names a backend,
	// and the hands do not know the door: they judge the bundle for themselves.
	// The gate makes no keys in software; it knows one when it is shown one.
	{at: "internal/gate", floor: service, ours: allPure + " policy/change policy/diff policy/explain policy/cases policy/lint policy/prove policy/specimen directory store notify passhash sealing softkey /policies",
		vendors: "github.com/google/uuid golang.org/x/mod/sumdb/note golang.org/x/sync golang.org/x/text/unicode/norm"},
	// The ready-made policies, as texts.
	{at: "policies", floor: pure},
	{at: "internal/dispatch", floor: service, ours: allPure + " directory store notify sealing",
		vendors: "github.com/google/uuid golang.org/x/sync"},
	{at: "internal/signin", floor: service, ours: "identity proof proof/oidc proof/passkey roster gate store passhash openid", std: "net/http",
		vendors: "github.com/google/uuid"},

	// gatetest builds a whole small house around the gate.
	{at: "internal/gate/gatetest", floor: suite, ours: "...", std: "testing net/http",
		vendors: "golang.org/x/mod/sumdb/note github.com/google/go-cmp github.com/google/uuid"},

	// Faces ask the gate. They read the types it answers in, never where those
	// came from.
	{at: "internal/rest", floor: face, ours: "gate signin identity statement proof proof/passkey approval ledger reset evidence roster",
		std: "net/http", vendors: "github.com/danielgtaylor/huma/v2 github.com/prometheus/client_golang"},
	// The Go client of the API, for the command line, the demo and tests.
	// It signs what it has read, and knows no code of the server.
	{at: "internal/client", floor: tool, ours: "identity statement proof proof/passkey", std: "net/http"},
	{at: "internal/console", floor: face, ours: "gate signin identity statement proof proof/passkey approval ledger reset evidence roster",
		std: "net/http", vendors: "rsc.io/qr golang.org/x/text/language golang.org/x/text/feature/plural golang.org/x/text/message"},

	// scenario plays scripts against a whole server; it looks at the queue of its
	// jobs, for the script's clock is not the queue's.
	{at: "internal/scenario", floor: suite, ours: "...", std: "testing net/http database/sql os/exec",
		vendors: "modernc.org/sqlite golang.org/x/mod/sumdb/note github.com/google/uuid"},

	// Wiring: the only place where backends have names.
	{at: "internal/app", floor: wiring, ours: "...", std: "net/http syscall",
		vendors: `github.com/knadh/koanf go.yaml.in/yaml/v4 github.com/prometheus/client_golang
			filippo.io/age golang.org/x/sync golang.org/x/mod/sumdb/note`},
	{at: "internal/demo", floor: wiring, ours: "...", std: "net/http os/exec", vendors: "golang.org/x/term golang.org/x/mod/sumdb/note"},

	// Commands.
	{at: "cmd/countersign", floor: command, ours: "app demo client softkey sealing policy/... " + allPure,
		std: "net/http syscall", vendors: "github.com/alecthomas/kong golang.org/x/term"},
	// The auditor's program must be small enough to read.
	{at: "cmd/countersign-verify", floor: command, ours: allPure},
}

func TestTheHouseIsInOrder(t *testing.T) {
	report, err := inspect(os.DirFS("."), rows)
	if err != nil {
		t.Fatal(err)
	}
	if report.files == 0 {
		t.Fatal("no Go files found: the test must run in the root of the module")
	}
	for _, f := range report.faults {
		t.Error(f)
	}
	for _, at := range report.unused {
		t.Logf("the row of %s has no package yet", at)
	}
	t.Logf("%d files in %d packages; the longest chain of imports is %d", report.files, report.packages, report.depth)
}

// The table is itself held to the floors, so that no row can be widened past
// what its floor allows.
func TestEveryRowKeepsToItsFloor(t *testing.T) {
	for _, r := range rows {
		for _, ours := range strings.Fields(r.ours) {
			for _, target := range rows {
				if ours == "..." || !covers("internal/"+ours, target.at) {
					continue
				}
				if !r.floor.mayUse(target.floor) {
					t.Errorf("%s (%s) lists %s (%s)", r.at, r.floor, target.at, target.floor)
				}
			}
		}
	}
}

func TestNoRowIsWrittenTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.at] {
			t.Errorf("%s has two rows", r.at)
		}
		seen[r.at] = true
	}
}

func TestFacesNeverSeeThePolicy(t *testing.T) {
	for _, r := range rows {
		if r.floor == face && r.allowsOurs("internal/policy") {
			t.Errorf("%s may import policy: a face shows what the gate answers", r.at)
		}
	}
}

func TestTheAuditorsProgramStandsOnThePureCoreAlone(t *testing.T) {
	for _, r := range rows {
		if r.at != "cmd/countersign-verify" {
			continue
		}
		for _, target := range rows {
			if r.allowsOurs(target.at) && target.floor != pure {
				t.Errorf("countersign-verify may import %s, which is not pure", target.at)
			}
		}
		return
	}
	t.Error("countersign-verify has no row")
}

func TestAPurePackageMayNotReachTheWorld(t *testing.T) {
	allowed := strings.Fields(pureStd)
	for _, std := range []string{
		"context", "os", "net", "net/http", "database/sql", "log", "log/slog",
		"sync", "sync/atomic", "math/rand", "math/rand/v2", "crypto/rand", "runtime", "unsafe", "testing",
	} {
		for _, a := range allowed {
			if a == std {
				t.Errorf("pureStd lists %s", std)
			}
		}
	}
}
