package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"countersign/internal/demo"
)

type demoVerb struct {
	Exit    bool   `help:"Do not stay up when the play is over."`
	Days    int    `default:"30" help:"How many days of made-up history lie before the play, when it stays up."`
	Browser bool   `negatable:"" default:"true" help:"Show the cast in a browser when the play is over, where there is a screen."`
	Out     string `placeholder:"DIR" help:"Leave there what an auditor needs: the bundle, the keys, the policy and the ledger."`
	Listen  string `placeholder:"ADDR" help:"A loopback address to listen on; any free port when absent."`
}

// Help is kong's long text.
func (demoVerb) Help() string {
	return "Starts everything on a scratch folder and plays a story against its own HTTP API: a caller with all the right answers and no proof, an impatient agent, the owner and the manager, the password that really changes, a forged ledger, and the file that proves it all offline. Then it stays up with a cast of ready people, so that you can play all parts in a browser. It exits with 2 and names the step if any went otherwise."
}

// Run plays.
func (v demoVerb) Run(e *env) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	// A terminal that is closed ends the play, and takes the scratch folder along.
	ctx, stop := signal.NotifyContext(e.ctx, syscall.SIGHUP)
	defer stop()
	return demo.Run(ctx, demo.Options{
		Out: e.out, Colour: e.colour, Stay: !v.Exit, Days: v.days(), Browse: v.Browser && !v.Exit, Dir: v.Out, Listen: v.Listen, Folder: filepath.Dir(program),
	})
}

// days is none where nobody stays to look at them.
func (v demoVerb) days() int {
	if v.Exit {
		return 0
	}
	return v.Days
}
