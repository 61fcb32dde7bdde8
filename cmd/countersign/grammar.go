package main

import (
	"context"

	"github.com/alecthomas/kong"

	"countersign/internal/app"
)

const about = `Countersign stands between the helpdesk and the directories: a credential is reset only when the evidence that the policy asks for has been collected, countersigned, and recorded.`

// grammar is every verb. Those under "server" work on a configuration and its
// data folder; the others call a server.
type grammar struct {
	JSON    bool             `help:"Answer in JSON."`
	Server  string           `env:"COUNTERSIGN_SERVER" placeholder:"URL" help:"The server to call; the one you signed in to when absent."`
	Version kong.VersionFlag `help:"Say which version this is."`

	Serve  serveVerb  `cmd:"" group:"Running" help:"Run the server."`
	Demo   demoVerb   `cmd:"" group:"Running" help:"Play one reset from call to audit, on a scratch folder."`
	Policy policyVerb `cmd:"" group:"Running" help:"Write, test, prove and publish policies."`
	Roster rosterVerb `cmd:"" group:"Running" help:"Found the roster, and change who may sign."`
	Parts  partsVerb  `cmd:"" group:"Running" help:"Show how directories, mail, jobs and the rest are, and test them."`

	SignIn  signInVerb  `cmd:"" name:"sign-in" group:"Working" help:"Sign in with a passkey."`
	SignOut signOutVerb `cmd:"" name:"sign-out" group:"Working" help:"End the session."`
	Request requestVerb `cmd:"" group:"Working" help:"Open, show, list or cancel requests."`
	Approve approveVerb `cmd:"" group:"Working" help:"Approve or deny a request by signing its statement."`
	Review  reviewVerb  `cmd:"" group:"Working" help:"Review a finished request by signing its statement."`

	Case   caseVerb   `cmd:"" group:"Recovering" help:"Come forward with a case code, prove yourself, see the new secret."`
	Device deviceVerb `cmd:"" group:"Recovering" help:"Make a key for a managed device, or answer a challenge with it."`

	Verify  verifyVerb  `cmd:"" group:"Auditing" help:"Say whether a reset was allowed, from its bundle alone."`
	Bundle  bundleVerb  `cmd:"" group:"Auditing" help:"Fetch the file that proves a request."`
	Ledger  ledgerVerb  `cmd:"" group:"Auditing" help:"Check, prove or export the ledger."`
	Account accountVerb `cmd:"" group:"Integrating" help:"Add or list accounts of a local directory."`
	Enrol   enrolVerb   `cmd:"" group:"Integrating" help:"Register a factor for an account's owner."`
	Report  reportVerb  `cmd:"" group:"Integrating" help:"Report what is known about a person: a signal, a location, a device."`
	Token   tokenVerb   `cmd:"" group:"Integrating" help:"Let an integration in, or shut it out."`
}

// env is what every verb works with.
type env struct {
	*screen
	ctx    context.Context
	json   bool
	server string
}

// onServer is the flag of verbs that work on a configuration.
type onServer struct {
	Config string `short:"c" env:"COUNTERSIGN_CONFIG" default:"countersign.yaml" placeholder:"FILE" help:"The server's configuration (${default})."`
}

func (o onServer) load(e *env) (app.Config, error) {
	cfg, _, err := app.LoadConfig(o.Config, e.environ())
	return cfg, err
}

func version() string { return "countersign " + app.Version() }
