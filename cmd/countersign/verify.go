package main

import (
	"errors"
	"io"
	"os"
	"time"

	"countersign/internal/evidence"
)

type verifyVerb struct {
	LogKey  string `required:"" placeholder:"FILE" help:"The ledger's verifier key (log.vkey), from a source you trust."`
	Genesis string `required:"" placeholder:"FILE" help:"The roster's founding entry (genesis.json), likewise."`
	Bundle  string `arg:"" placeholder:"BUNDLE" help:"The file that proves a request; - for standard input."`
}

// Help is kong's long text.
func (verifyVerb) Help() string {
	return "Needs no server and believes nobody. countersign-verify is the same in a program small enough to read."
}

// Run verifies.
func (v verifyVerb) Run(e *env) error {
	key, err1 := os.ReadFile(v.LogKey)
	genesis, err2 := os.ReadFile(v.Genesis)
	bundle, err3 := v.read(e)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	r, err := evidence.VerifyFiles(bundle, key, genesis, time.Now())
	if err != nil {
		return err
	}
	err = e.answer(r, func() {
		_, _ = io.WriteString(e.out, r.Text(evidence.Style{Marks: e.colour, Colour: e.colour}))
	})
	if err == nil && r.Verdict != evidence.Allowed {
		err = errNo
	}
	return err
}

func (v verifyVerb) read(e *env) ([]byte, error) {
	if v.Bundle != "-" {
		return os.ReadFile(v.Bundle)
	}
	return io.ReadAll(io.LimitReader(e.in, evidence.MaxBundle+1))
}
