package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/notify"
	"countersign/internal/openid"
	"countersign/internal/passhash"
	"countersign/internal/policy"
	"countersign/internal/store"
	"countersign/internal/store/sqlite"
)

// Options replaces parts of the world, for the demo and for tests.
type Options struct {
	Log    *slog.Logger     // nil: as the configuration says, to standard error
	Now    func() time.Time // nil: time.Now
	Sender notify.Sender    // nil: the configured mail server
	// SMS and Voice reach telephones; nil: the configured gateways.
	SMS, Voice notify.Phone
	// Around wraps everything that answers over HTTP, for the demo's own pages;
	// nil: nothing. The command that serves for real never sets it.
	Around func(http.Handler) http.Handler
	// Listener to serve on; nil: the configured address.
	Listener net.Listener
}

// house is what every use of a data folder shares: the store, the door, and
// the directories.
type house struct {
	cfg      Config
	log      *slog.Logger
	now      func() time.Time
	keys     keys
	store    store.Store
	hasher   *passhash.Hasher
	sender   notify.Sender
	sms      notify.Phone // nil: the configured one
	voice    notify.Phone
	readers  []directory.Directory
	actors   []directory.Directory
	provider *openid.Provider // nil: none
	gate     *gate.Gate
	watch    func(directory.Directory) directory.Directory // around readers; nil: none
	faulted  func(inForce *policy.Policy, rule string)     // see gate.Parts; nil: nobody hears
	watcher  watcher
}

// open opens the data folder for writing. Only one process can.
func (h *house) open(ctx context.Context) (err error) {
	if h.keys, err = openKeys(h.cfg); err != nil {
		return err
	}
	if h.store, err = sqlite.Open(ctx, h.storeOptions()); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := h.furnish(ctx); err != nil {
		_ = h.store.Close()
		return err
	}
	return nil
}

func (h *house) storeOptions() sqlite.Options {
	return sqlite.Options{
		Path: filepath.Join(h.cfg.Data, fileStore), Origin: h.cfg.Ledger.Origin,
		Signer: h.keys.signer, Verifier: h.keys.verifier, Logger: h.log.With("part", "store"), Now: h.now,
	}
}

// furnish builds directories and the door on the store.
func (h *house) furnish(ctx context.Context) (err error) {
	h.hasher = passhash.New(max(1, runtime.GOMAXPROCS(0)-1)) // a core stays for whatever needs no hash
	if h.sender == nil {
		if h.sender, err = h.cfg.Mail.sender(); err != nil {
			return fmt.Errorf("app: %w", err)
		}
	}
	wish := h.watcher.wish
	h.watcher = h.cfg.watcher()
	h.watcher.wish = wish
	p := parts{store: h.store, hasher: h.hasher, now: h.now}
	for _, d := range h.cfg.Directories {
		k, ok := kindOf(d.Kind)
		if !ok {
			return fmt.Errorf("app: directory %s: unknown kind %q", d.Name, d.Kind)
		}
		reader, err := k.build(d, p)
		if err != nil {
			return fmt.Errorf("app: %w", err)
		}
		actor, err := k.build(d.acting(), p)
		if err != nil {
			return fmt.Errorf("app: %w", err)
		}
		h.actors = append(h.actors, actor)
		if h.watch != nil {
			reader = h.watch(reader)
		}
		h.readers = append(h.readers, reader)
	}
	doors := gate.Parts{
		Store: h.store, Directories: h.readers, Sender: h.sender, Hasher: h.hasher, Box: h.keys.box,
		Now: h.now, Log: h.log.With("part", "gate"), Faulted: h.faulted,
		Kinds: h.cfg.kinds(), Beside: h.watcher.parts, Words: inWords,
	}
	cfg := h.gateConfig()
	if h.provider, err = h.cfg.provider(h.now, h.watcher.provider); err != nil {
		return fmt.Errorf("app: oidc: %w", err)
	}
	if h.provider != nil { // a nil pointer would be a provider
		doors.Provider = h.provider
	}
	if err := h.cfg.proofs(&cfg, &doors, h.now); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if h.sms != nil {
		doors.SMS = h.sms
	}
	if h.voice != nil {
		doors.Voice = h.voice
	}
	h.gate, err = gate.New(ctx, cfg, doors)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

func (h *house) gateConfig() gate.Config {
	return gate.Config{
		Organisation: h.cfg.Organisation, BaseURL: h.cfg.BaseURL, LogKey: h.keys.vkey,
		RelyingParty: h.cfg.relyingParty(), SecurityMail: h.cfg.SecurityMail, SoftwareKeys: h.cfg.Signin.SoftwarePasskeys,
	}
}

// local finds a directory of kind local; with no name, the only one.
func (h *house) local(name string) (*local.Directory, error) {
	var found []*local.Directory
	for _, d := range h.actors {
		if l, ok := d.(*local.Directory); ok && (name == "" || l.Name() == name) {
			found = append(found, l)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case name == "" && len(found) > 1:
		return nil, fmt.Errorf("app: there is more than one directory of kind local; name one")
	case name == "":
		return nil, fmt.Errorf("app: the configuration has no directory of kind local; accounts of other directories are made there")
	}
	return nil, fmt.Errorf("app: the configuration has no directory of kind local named %q", name)
}
