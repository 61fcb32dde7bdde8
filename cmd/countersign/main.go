// Command countersign is the server between the helpdesk and the directories,
// and the command line of those who work with it. `countersign --help` lists
// its verbs.
//
// It exits with 0 when it did what was asked, with 1 when the answer is no, and
// with 2 when it cannot say: a wrong call, a server that does not answer, a
// file that cannot be read.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	os.Exit(Main())
}

// Main is the program; the scripts of testdata run it in-process.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// leaving carries kong's wish to end the program (--help, --version) past its
// own return.
type leaving int

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) (code int) {
	defer func() {
		if fault := recover(); fault != nil {
			l, ok := fault.(leaving)
			if !ok {
				panic(fault)
			}
			code = int(l)
		}
	}()
	e := &env{ctx: ctx, screen: newScreen(in, out, errs)}
	var verbs grammar
	parser, err := kong.New(&verbs, kong.Name("countersign"), kong.Description(about), kong.Writers(out, errs),
		kong.Exit(func(code int) { panic(leaving(code)) }), kong.Vars{"version": version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}))
	if err != nil {
		return e.fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	call, err := parser.Parse(args)
	e.json = verbs.JSON
	if err != nil {
		return e.fail(usageOf(err))
	}
	e.server = verbs.Server
	return e.fail(call.Run(e))
}
