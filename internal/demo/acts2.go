package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/app"
	"countersign/internal/evidence"
	"countersign/internal/ledger"
)

// notMe: the caller tries again, and the owner hears of it.
func (p *play) notMe(ctx context.Context) error {
	p.title("“This wasn't me”")
	p.tell("The caller rings again. Before anybody has proved anything, every address on record hears of the request, each with a link of its own.")
	p.gap()
	agent := p.cast[agentLogin].api
	err := p.act("the owner stops a request", func() error {
		r, err := agent.Open(ctx, wish())
		if err != nil {
			return err
		}
		m, err := p.post.await(ctx, ownerMail, about("case "+r.Case+", password reset requested"))
		if err != nil {
			return err
		}
		token, err := vetoIn(m)
		if err != nil {
			return err
		}
		p.line("   %s   %s", p.dim("mailbox"), p.dim("← "+m.Subject))
		if err := p.api.Watched(p.call("owner")).Repudiate(ctx, token); err != nil {
			return err
		}
		if r, err = agent.Request(ctx, r.ID); err != nil {
			return err
		}
		if err := want(r.Status == "repudiated", "the request stands at %s", r.Status); err != nil {
			return err
		}
		_, err = agent.Open(ctx, wish())
		if err := refused(err, "not_available"); err != nil {
			return err
		}
		return p.review(ctx, r.ID)
	})
	if err != nil {
		return err
	}
	p.gap()
	p.so("The request ended and the account was fenced: no further request was planned until somebody who took no part had looked and signed what they found.")
	return nil
}

func (p *play) review(ctx context.Context, id string) error {
	reviewer := p.cast[founderLogin]
	paper, err := reviewer.api.Statement(ctx, id, "review-suspicious")
	if err != nil {
		return err
	}
	r, err := reviewer.api.Decide(ctx, id, paper, "the owner says that they did not call", reviewer.key)
	if err != nil {
		return err
	}
	return want(!r.ReviewOwed, "a review is still owed")
}

// tampering: the public ledger, and the same with one byte changed.
func (p *play) tampering(ctx context.Context) error {
	p.title("A changed byte in the ledger is caught")
	p.tell("An auditor downloads the ledger, in the C2SP tlog-tiles layout, and recomputes it up to its signed head. Then the same download with one byte changed, in the entry that holds the manager's signature:")
	p.gap()
	return p.act("the ledger is checked", func() error {
		vkey, verifiers, err := p.verifiers()
		if err != nil {
			return err
		}
		auditor := p.cast[founderLogin].api.Watched(p.call("auditor"))
		p.ledger = map[string][]byte{}
		report, err := ledger.CheckExport(vkey.Name(), verifiers, func(path string) ([]byte, error) {
			data, err := auditor.LedgerFile(ctx, path)
			p.ledger[path] = data
			return data, err
		})
		if err != nil {
			return err
		}
		if err := p.checkRows(ctx); err != nil {
			return err
		}
		p.gap()
		p.so("%d entries: every hash follows from the entries, up to the root that %s signed.", report.Entries, vkey.Name())
		p.so("countersign ledger check rebuilds every request from its events and finds the same.")
		return p.forge(vkey.Name(), verifiers)
	})
}

func (p *play) verifiers() (note.Verifier, note.Verifiers, error) {
	raw, err := os.ReadFile(p.path("data/log.vkey"))
	if err != nil {
		return nil, nil, err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, nil, err
	}
	return v, note.VerifierList(v), nil
}

func (p *play) checkRows(ctx context.Context) error {
	r, err := app.CheckLedger(ctx, p.cfg)
	if err != nil {
		return err
	}
	return want(r.OK(), "countersign ledger check: %s", strings.Join(r.Differences, "; "))
}

// forge changes one byte of a copy: the first letter of the person who voted.
func (p *play) forge(origin string, verifiers note.Verifiers) error {
	forged := false
	_, err := ledger.CheckExport(origin, verifiers, func(path string) ([]byte, error) {
		data := bytes.Clone(p.ledger[path])
		if i := bytes.Index(data, []byte(`"type":"voted"`)); strings.HasPrefix(path, "tile/entries/") && i >= 0 {
			if at := bytes.LastIndex(data[:i], []byte("person:n.berg")); at >= 0 {
				data[at+len("person:")]++ // n becomes o
				forged = true
			}
		}
		return data, nil
	})
	if err := errors.Join(want(forged, "there was no signature to forge"), want(err != nil, "the change was not noticed")); err != nil {
		return err
	}
	p.so("With “n.berg” turned into “o.berg”, the same check says:")
	p.gap()
	p.quote(err.Error())
	return nil
}

// audit: the file that proves the reset, offline.
func (p *play) audit(ctx context.Context) error {
	p.title("One file proves it, offline")
	p.tell("S. Lund fetches the bundle of the reset. This is what countersign-verify says of it, given the ledger's key and the founding entry and nothing else:")
	p.gap()
	return p.act("the bundle verifies", func() error {
		var err error
		if p.bundle, err = p.cast[founderLogin].api.Bundle(ctx, p.reset.ID); err != nil {
			return err
		}
		good, err := p.verify(p.bundle)
		if err != nil {
			return err
		}
		p.gap()
		p.coloured(good.Text(evidence.Style{Marks: true, Colour: p.colour}))
		if err := want(good.Verdict == evidence.Allowed, "the verdict is %q", good.Verdict); err != nil {
			return err
		}
		forged, _, ok := oneByte(p.bundle)
		if err := want(ok, "the bundle holds nobody's vote"); err != nil {
			return err
		}
		bad, err := p.verify(forged)
		if err != nil {
			return err
		}
		p.gap()
		p.tell("And with one byte changed, again the name of who signed:")
		p.gap()
		p.coloured(bad.Text(evidence.Style{Marks: true, Colour: p.colour}))
		return want(bad.Verdict == evidence.NotAllowed, "the verdict on a forged bundle is %q", bad.Verdict)
	})
}

func (p *play) verify(bundle []byte) (evidence.Report, error) {
	key, err1 := os.ReadFile(p.path("data/log.vkey"))
	genesis, err2 := os.ReadFile(p.path("data/genesis.json"))
	if err := errors.Join(err1, err2); err != nil {
		return evidence.Report{}, err
	}
	return evidence.VerifyFiles(bundle, key, genesis, time.Now())
}

// left is what the demo leaves for an auditor.
var left = []string{"reset.countersign.json", "log.vkey", "genesis.json", "policy.yaml", "ledger"}

// checkDir refuses a folder with anything in it that the demo did not leave.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	all, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	for _, e := range all {
		if !strings.Contains("\n"+strings.Join(left, "\n")+"\n", "\n"+e.Name()+"\n") {
			return fmt.Errorf("demo: %s holds %q, which no demo left there; name a new folder", dir, e.Name())
		}
	}
	return nil
}

// leave writes what an auditor needs.
func (p *play) leave() error {
	return p.act("leaving the evidence in "+p.o.Dir, func() error {
		key, err1 := os.ReadFile(p.path("data/log.vkey"))
		genesis, err2 := os.ReadFile(p.path("data/genesis.json"))
		if err := errors.Join(err1, err2, os.RemoveAll(filepath.Join(p.o.Dir, "ledger"))); err != nil {
			return err
		}
		files := map[string][]byte{"reset.countersign.json": p.bundle, "log.vkey": key, "genesis.json": genesis, "policy.yaml": policyText}
		for path, data := range p.ledger {
			files["ledger/"+path] = data
		}
		for name, data := range files {
			file := filepath.Join(p.o.Dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, data, 0o600)); err != nil {
				return err
			}
		}
		return nil
	})
}
