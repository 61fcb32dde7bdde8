// Command countersign-verify answers one question offline: was the reset in
// this bundle allowed? It needs the log's verifier key and the roster's
// founding entry, and trusts nothing else.
//
//	countersign-verify --log-key log.vkey --genesis genesis.json reset.countersign.json
//
// Given a folder instead, it answers whether the whole ledger in it is what was
// signed, from the first entry to the root:
//
//	countersign-verify --log-key log.vkey ledger/
//
// It exits with 0 when the reset was allowed or the ledger is whole, with 1 when
// not or nothing was ordered, and with 2 when it cannot say: a wrong call, or a
// file that cannot be read.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"countersign/internal/evidence"
)

const (
	exitAllowed   = 0
	exitNot       = 1
	exitCannotSay = 2
)

const usage = `Usage: countersign-verify --log-key FILE --genesis FILE [--json] BUNDLE
       countersign-verify --log-key FILE [--json] DIR

Says whether the reset in BUNDLE was allowed, and why, believing nobody; or
whether the ledger in DIR (checkpoint, tile/...) is whole, entry by entry.

  --log-key FILE   the ledger's verifier key (log.vkey), from a source you trust
  --genesis FILE   the roster's founding entry (genesis.json), likewise
  --json           print the report as JSON

BUNDLE may be - for standard input.

Exit status: 0 allowed, or whole; 1 not allowed, nothing was ordered, or not
whole; 2 cannot say.
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now()))
}

type options struct {
	logKey, genesis, bundle string
	json                    bool
}

func run(args []string, in io.Reader, out, errs io.Writer, now time.Time) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(out, usage)
		return exitAllowed
	}
	if err != nil {
		fmt.Fprintf(errs, "countersign-verify: %v\n\n%s", err, usage)
		return exitCannotSay
	}
	good, err := o.answer(in, out, now)
	if err != nil {
		fmt.Fprintf(errs, "countersign-verify: cannot say: %v\n", err)
		return exitCannotSay
	}
	if !good {
		return exitNot
	}
	return exitAllowed
}

// answer prints the report about a bundle or a ledger and returns its verdict.
func (o options) answer(in io.Reader, out io.Writer, now time.Time) (good bool, err error) {
	if o.isLedger() {
		report, err := o.checkLedger()
		if err != nil {
			return false, err
		}
		return report.Verdict == whole, o.printLedger(out, report)
	}
	report, err := o.verify(in, now)
	if err != nil {
		return false, err
	}
	return report.Verdict == evidence.Allowed, o.print(out, report)
}

// parse takes flags before and after the bundle alike.
func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("countersign-verify", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.logKey, "log-key", "", "")
	f.StringVar(&o.genesis, "genesis", "", "")
	f.BoolVar(&o.json, "json", false, "")
	for {
		if err := f.Parse(args); err != nil {
			return o, err
		}
		if f.NArg() == 0 {
			break
		}
		if o.bundle != "" {
			return o, errors.New("name one bundle, or one ledger's folder")
		}
		o.bundle, args = f.Arg(0), f.Args()[1:]
	}
	switch {
	case o.logKey == "":
		return o, errors.New("--log-key is missing: without a key you trust, nothing can be said")
	case o.bundle == "":
		return o, errors.New("the bundle, or the ledger's folder, is missing")
	case o.isLedger() && o.genesis != "":
		return o, errors.New("--genesis is for a bundle: a ledger is checked as it was signed, whoever was on the roster")
	case !o.isLedger() && o.genesis == "":
		return o, errors.New("--genesis is missing: without a founding entry you trust, nothing can be said")
	}
	return o, nil
}

func (o options) verify(in io.Reader, now time.Time) (evidence.Report, error) {
	key, err1 := os.ReadFile(o.logKey)
	genesis, err2 := os.ReadFile(o.genesis)
	bundle, err3 := read(o.bundle, in)
	if err := errors.Join(err1, err2, err3); err != nil {
		return evidence.Report{}, err
	}
	return evidence.VerifyFiles(bundle, key, genesis, now)
}

func read(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, evidence.MaxBundle+1))
}

func (o options) print(out io.Writer, r evidence.Report) error {
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	tty := terminal(out)
	_, err := io.WriteString(out, r.Text(evidence.Style{Marks: tty, Colour: tty}))
	return err
}

// terminal reports whether out is a screen that may show colours
// (https://no-color.org).
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
