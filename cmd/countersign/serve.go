package main

import (
	"countersign/internal/app"
)

type serveVerb struct {
	onServer
}

// Help is kong's long text.
func (serveVerb) Help() string {
	return "Serves until it is told to stop (SIGINT, SIGTERM). SIGHUP makes it read the policy file again. docs/configuration.md lists every key."
}

// Run serves.
func (v serveVerb) Run(e *env) error {
	cfg, warnings, err := app.LoadConfig(v.Config, e.environ())
	if err != nil {
		return err
	}
	for _, w := range warnings {
		e.mention("countersign: warning: %s", safe(w))
	}
	a, err := app.New(e.ctx, cfg, app.Options{})
	if err != nil {
		return err
	}
	return a.Run(e.ctx)
}
