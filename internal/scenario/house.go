package scenario

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/internal/app"
	"countersign/internal/client"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
	"countersign/internal/notify/notifytest"
	"countersign/internal/softkey"
)

const (
	baseURL      = "https://countersign.example.org"
	securityMail = "security@example.org"
	mailPassword = "mail-Passw0rd"
	// past is how long before a script begins the server was set up, so that
	// things can have been on record for a year.
	past = 54 * 7 * 24 * time.Hour
)

// config is a server behind a proxy on this machine, which says where people
// come from.
const config = `organisation: Example Works
base_url: ` + baseURL + `
listen: 127.0.0.1:0
trusted_proxies: [127.0.0.1/32]
data: data
policy: policy.yaml
directories:
  - {name: people, kind: local, admin_groups: [Domain Admins]}
mail: {host: 127.0.0.1, port: %d, from: "%s", username: desk, password_file: mail.password, ca_file: mail-ca.pem}
security_mail: ` + securityMail + `
signin: {software_passkeys: true}
`

// founding is a data folder with a founded roster, made once for each policy
// and copied for every script.
type founding struct {
	files map[string][]byte
	key   softkey.Key // the founder's
}

// Stage is where scripts are played: it keeps what they can share.
type Stage struct {
	policies []string // the folders of the policies

	mu      sync.Mutex
	founded map[string]founding
}

// NewStage returns a stage for scripts that name policies of these folders.
func NewStage(policies ...string) *Stage {
	return &Stage{policies: policies, founded: map[string]founding{}}
}

// house is one running server and what the people around it have: post, a clock,
// the directory.
type house struct {
	t      testing.TB
	world  world
	dir    string
	inbox  *notifytest.Inbox
	clock  *clock
	queue  *queue
	log    *journal
	app    *app.App
	people *local.Directory
	record *recorder
}

// open copies the founding and starts a server on it.
func (s *Stage) open(t testing.TB, policy string) (*house, softkey.Key, error) {
	f, err := s.found(t, policy)
	if err != nil {
		return nil, f.key, err
	}
	h, cfg, err := s.furnish(t, policy)
	if err != nil {
		return nil, f.key, err
	}
	for name, data := range f.files {
		file := filepath.Join(h.dir, "data", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, f.key, err
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return nil, f.key, err
		}
	}
	return h, f.key, h.serve(cfg)
}

// furnish writes a configuration, and starts the mail server it names.
func (s *Stage) furnish(t testing.TB, policy string) (*house, app.Config, error) {
	h := &house{t: t, dir: t.TempDir(), inbox: notifytest.Start(t, notifytest.Account("desk", mailPassword)), clock: newClock(), log: &journal{}}
	var around string
	var err error
	if h.world, around, err = newWorld(t, h.dir); err != nil {
		return nil, app.Config{}, err
	}
	text, err := s.policy(policy)
	if err != nil {
		return nil, app.Config{}, err
	}
	for name, content := range map[string][]byte{
		"countersign.yaml": append(fmt.Appendf(nil, config, h.inbox.Port, notifytest.From), around...), "policy.yaml": text,
		"mail.password": []byte(mailPassword + "\n"), "mail-ca.pem": h.inbox.PEM,
	} {
		if err := os.WriteFile(filepath.Join(h.dir, name), content, 0o600); err != nil {
			return nil, app.Config{}, err
		}
	}
	cfg, warnings, err := app.LoadConfig(filepath.Join(h.dir, "countersign.yaml"), nil)
	if err == nil && len(warnings) > 0 {
		err = fmt.Errorf("scenario: the configuration warns: %q", warnings)
	}
	return h, cfg, err
}

// policy is the text of a policy, of the first folder that has it.
func (s *Stage) policy(name string) (text []byte, err error) {
	for _, dir := range s.policies {
		text, err = os.ReadFile(filepath.Join(dir, name+".yaml"))
		if !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("scenario: reading the policy: %w", err)
	}
	return text, nil
}

// serve runs the server until the test ends.
func (h *house) serve(cfg app.Config) error {
	stop, err := h.run(cfg)
	if err != nil {
		return err
	}
	h.t.Cleanup(func() {
		if err := stop(); err != nil {
			h.t.Errorf("the server ended with %v", err)
		}
	})
	h.queue, err = openQueue(filepath.Join(h.dir, "data", "countersign.db"), h.clock)
	if err != nil {
		return err
	}
	h.t.Cleanup(func() { _ = h.queue.db.Close() })
	return nil
}

func (h *house) run(cfg app.Config) (stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.app, err = app.New(h.t.Context(), cfg, app.Options{
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: h.clock.now, Listener: l,
	})
	if err != nil {
		return nil, fmt.Errorf("scenario: starting the server: %w", err)
	}
	h.record = newRecorder(l.Addr().String())
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.app.Run(ctx) }()
	if h.people, err = h.app.Local("people"); err != nil {
		cancel()
		return nil, err
	}
	return func() error { cancel(); return <-ended }, nil
}

// found founds the roster under a policy, the first time it is asked.
func (s *Stage) found(t testing.TB, policy string) (founding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.founded[policy]; ok {
		return f, nil
	}
	f := founding{files: map[string][]byte{}, key: softkey.New(rand.Reader)}
	h, cfg, err := s.furnish(t, policy)
	if err != nil {
		return f, err
	}
	// Invitations lapse in a week, and this one is dated by the real clock.
	h.clock.at = time.Now()
	invitation, _, err := app.InviteFounder(t.Context(), cfg, app.Founder{
		Person: "staff:olive", Name: "Olive", Roles: []identity.Role{identity.Officer, identity.Auditor},
	}, cfg.Policy)
	if err != nil {
		return f, fmt.Errorf("scenario: founding: %w", err)
	}
	stop, err := h.run(cfg)
	if err != nil {
		return f, err
	}
	api, err := client.New(baseURL)
	if err != nil {
		return f, err
	}
	api = api.Through(h.record.as("olive", setUp))
	joined, err := api.Join(t.Context(), invitation, f.key)
	if err == nil {
		err = api.Found(t.Context(), invitation, *joined.Sign, f.key)
	}
	if err = errors.Join(err, stop()); err != nil {
		return f, fmt.Errorf("scenario: founding: %w", err)
	}
	if err := f.keep(filepath.Join(h.dir, "data")); err != nil {
		return f, err
	}
	s.founded[policy] = f
	return f, nil
}

// keep reads the data folder of a server that has stopped.
func (f founding) keep(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f.files[name], err = os.ReadFile(path)
		return err
	})
}

// journal is the server's log.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}
