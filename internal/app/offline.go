package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/store"
	"countersign/internal/store/sqlite"
)

// The operator's commands in this file work on a data folder itself. Those that
// write need it alone: they say so when a server holds it.

// offline opens the data folder and lends it to do.
func offline(ctx context.Context, cfg Config, do func(*house) error) error {
	h := &house{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now}
	if err := h.open(ctx); err != nil {
		return err
	}
	err := do(h)
	return errors.Join(err, h.store.Close())
}

// Founder is who founds the roster.
type Founder struct {
	Person identity.PersonID
	Name   string
	Roles  []identity.Role
	Desk   string
}

// InviteFounder makes the invitation that founds the roster, under the policy
// in the given file. It returns the token and the address that redeems it.
func InviteFounder(ctx context.Context, cfg Config, f Founder, policyFile string) (token, link string, err error) {
	text, err := os.ReadFile(policyFile)
	if err != nil {
		return "", "", fmt.Errorf("app: reading the policy: %w", err)
	}
	err = offline(ctx, cfg, func(h *house) error {
		token, err = h.gate.InviteFounder(ctx, gate.Invitee{Person: f.Person, Name: f.Name, Roles: f.Roles, Desk: f.Desk}, text)
		if err != nil {
			return fmt.Errorf("app: founding with %s (countersign policy check looks at it alone): %w", policyFile, err)
		}
		return nil
	})
	return token, JoinLink(cfg.BaseURL, token), err
}

// JoinLink is where an invitation is redeemed. The token stands after the #, so
// browsers do not send it in the address.
func JoinLink(baseURL, token string) string { return baseURL + "/join#" + token }

// NewAccount is an account of a local directory to be added.
type NewAccount struct {
	Directory, Login, Name, Unit, Location string
	Person                                 identity.PersonID
	Manager                                string // login
	Groups                                 []string
	Email, Phone                           string
	OwnEmail                               bool // the account opens this mailbox itself
	Service                                bool
	Password                               string
}

// Account is an account of a local directory.
type Account struct {
	ID       identity.AccountID `json:"id"`
	Login    string             `json:"login"`
	Name     string             `json:"name"`
	Person   identity.PersonID  `json:"person"`
	Unit     string             `json:"unit,omitempty"`
	Groups   []string           `json:"groups"`
	Manager  string             `json:"manager,omitempty"`
	Contacts int                `json:"contacts"`
	Status   directory.Status   `json:"status"`
	Locked   bool               `json:"locked"`
}

// AddAccount adds an account to a local directory.
func AddAccount(ctx context.Context, cfg Config, a NewAccount) (out Account, err error) {
	err = offline(ctx, cfg, func(h *house) error {
		d, err := h.local(a.Directory)
		if err != nil {
			return err
		}
		out, err = add(ctx, d, a)
		return err
	})
	return out, err
}

func add(ctx context.Context, d *local.Directory, a NewAccount) (Account, error) {
	n := local.NewAccount{Login: a.Login, Name: a.Name, Unit: a.Unit, Location: a.Location, Person: a.Person,
		Groups: a.Groups, Service: a.Service, Password: a.Password}
	if a.Email != "" {
		n.Contacts = append(n.Contacts, directory.Contact{Kind: directory.ContactEmail, Address: a.Email, Own: a.OwnEmail})
	}
	if a.Phone != "" {
		n.Contacts = append(n.Contacts, directory.Contact{Kind: directory.ContactPhone, Address: a.Phone})
	}
	if a.Manager != "" {
		m, err := d.Find(ctx, a.Manager)
		if err != nil {
			return Account{}, fmt.Errorf("app: the manager %q: %w", a.Manager, err)
		}
		n.Manager = m.ID
	}
	if _, err := d.Add(ctx, n); err != nil {
		return Account{}, fmt.Errorf("app: %w", err)
	}
	added, err := d.Find(ctx, a.Login)
	return accountOf(added), err
}

// Accounts lists the accounts of a local directory.
func Accounts(ctx context.Context, cfg Config, dir string) (out []Account, err error) {
	err = offline(ctx, cfg, func(h *house) error {
		d, err := h.local(dir)
		if err != nil {
			return err
		}
		all, err := d.List(ctx)
		for _, a := range all {
			out = append(out, accountOf(a))
		}
		return err
	})
	return out, err
}

func accountOf(a directory.Account) Account {
	return Account{ID: a.ID, Login: a.Login, Name: a.Name, Person: a.Person, Unit: a.Unit, Groups: append([]string{}, a.Groups...),
		Manager: a.Manager.Name, Contacts: len(a.Contacts), Status: a.Status, Locked: a.Locked}
}

// inspect opens a ledger for reading, beside a server if there is one, and
// even when it is damaged.
func inspect(ctx context.Context, cfg Config, do func(store.Store, keys) error) error {
	// A folder without a ledger must stay without one.
	if _, err := os.Stat(filepath.Join(cfg.Data, fileStore)); err != nil {
		return fmt.Errorf("app: there is no ledger in %s: %w", cfg.Data, err)
	}
	k, err := openLogKey(filepath.Join(cfg.Data, fileLogKey), cfg.Ledger.Origin)
	if err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, sqlite.Options{
		Path: filepath.Join(cfg.Data, fileStore), Origin: cfg.Ledger.Origin, Verifier: k.verifier, Inspect: true,
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	err = do(s, k)
	return errors.Join(err, s.Close())
}

// CheckLedger rebuilds everything from the events and says what differs.
func CheckLedger(ctx context.Context, cfg Config) (report store.IntegrityReport, err error) {
	err = inspect(ctx, cfg, func(s store.Store, k keys) error {
		report, err = store.Check(ctx, s, cfg.Ledger.Origin, k.verifiers(), gate.FoldRow)
		return err
	})
	return report, err
}

// ExportLedger writes the ledger as C2SP tlog-tiles into a folder, and returns
// its head.
func ExportLedger(ctx context.Context, cfg Config, dir string) (head ledger.Checkpoint, err error) {
	err = inspect(ctx, cfg, func(s store.Store, k keys) error {
		head, err = export(ctx, s, k, cfg.Ledger.Origin, dir)
		return err
	})
	return head, err
}

func export(ctx context.Context, s store.Store, k keys, origin, dir string) (ledger.Checkpoint, error) {
	signed, err := s.Checkpoint(ctx)
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("app: reading the checkpoint: %w", err)
	}
	head, err := ledger.ParseCheckpoint(origin, signed, k.verifiers())
	if err != nil {
		return head, err
	}
	leaves := func(from uint64, n int) ([][]byte, error) {
		records, err := s.Records(ctx, from, n)
		out := make([][]byte, len(records))
		for i, r := range records {
			out[i] = r.Leaf.Bytes()
		}
		return out, err
	}
	return head, ledger.Export(head.Size, signed, s.Nodes(ctx), leaves, func(path string, data []byte) error {
		file := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		return replaceFile(file, data, 0o644)
	})
}

// Proof says that an entry is on the ledger, for anybody with its key.
type Proof struct {
	Seq        uint64   `json:"seq"`
	Stream     string   `json:"stream"`
	Type       string   `json:"type"`
	At         string   `json:"at"`
	Leaf       []byte   `json:"leaf"` // base64 in JSON
	Hash       string   `json:"hash"`
	Path       []string `json:"proof"`      // RFC 6962 inclusion proof
	Checkpoint string   `json:"checkpoint"` // signed note
}

// ProveEntry proves one entry of the ledger by its position.
func ProveEntry(ctx context.Context, cfg Config, seq uint64) (p Proof, err error) {
	all, err := prove(ctx, cfg, func(s store.Store) ([]store.Record, error) {
		records, err := s.Records(ctx, seq, 1)
		if err == nil && (len(records) == 0 || records[0].Seq != seq) {
			err = fmt.Errorf("app: the ledger has no entry %d", seq)
		}
		return records, err
	})
	if err != nil {
		return p, err
	}
	return all[0], nil
}

// ProveStream proves every entry of a request.
func ProveStream(ctx context.Context, cfg Config, stream string) ([]Proof, error) {
	return prove(ctx, cfg, func(s store.Store) ([]store.Record, error) {
		records, err := s.Stream(ctx, stream)
		if errors.Is(err, store.ErrNotFound) {
			err = fmt.Errorf("app: the ledger has no entries of %q", stream)
		}
		return records, err
	})
}

func prove(ctx context.Context, cfg Config, which func(store.Store) ([]store.Record, error)) (out []Proof, err error) {
	err = inspect(ctx, cfg, func(s store.Store, k keys) error {
		records, err := which(s)
		if err != nil {
			return err
		}
		// Read after the records, the checkpoint covers them.
		signed, err := s.Checkpoint(ctx)
		if err != nil {
			return err
		}
		head, err := ledger.ParseCheckpoint(cfg.Ledger.Origin, signed, k.verifiers())
		if err != nil {
			return err
		}
		for _, r := range records {
			path, err := ledger.ProveInclusion(head.Size, r.Seq, s.Nodes(ctx))
			if err != nil {
				return err
			}
			p := Proof{Seq: r.Seq, Stream: r.Stream, Type: r.Type, At: r.At.Format(time.RFC3339), Leaf: r.Leaf.Bytes(), Hash: r.Leaf.Hash().String(), Checkpoint: string(signed)}
			for _, h := range path {
				p.Path = append(p.Path, h.String())
			}
			out = append(out, p)
		}
		return nil
	})
	return out, err
}
