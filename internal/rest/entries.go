package rest

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

type entriesInput struct {
	Stream string    `query:"stream" maxLength:"200" doc:"entries of this stream alone: a request's id, a registration's, or roster"`
	Case   string    `query:"case" maxLength:"40" doc:"entries of the request with this case code alone"`
	Type   string    `query:"type" maxLength:"100" doc:"entries of this type alone"`
	Since  time.Time `query:"since" doc:"written at this time or later"`
	Until  time.Time `query:"until" doc:"written before this time"`
	Cursor string    `query:"cursor" maxLength:"20" doc:"next of the page before"`
	Limit  int       `query:"limit" minimum:"1" maximum:"100" default:"25"`
}

type entriesOutput struct{ Body gate.EntryPage }

type entryInput struct {
	Seq uint64 `path:"seq" maximum:"9007199254740991" doc:"the entry's number, from 0"`
}

type entryOutput struct{ Body gate.EntryView }

type headOutput struct{ Body gate.LedgerHead }

type consistencyInput struct {
	From uint64 `query:"from" required:"true" maximum:"9007199254740991" doc:"the size of the older tree"`
	To   uint64 `query:"to" maximum:"9007199254740991" doc:"the size of the newer tree; the newest checkpoint's if left out"`
}

type consistencyOutput struct{ Body gate.Consistency }

func (a *api) entries(h huma.API) {
	staff(a, h, get("/ledger", "show-ledger", "The newest signed head of the ledger, and the key to check it with"), a.showLedger)
	staff(a, h, get("/ledger/entries", "list-entries", "List entries of the ledger, newest first"), a.listEntries)
	staff(a, h, get("/ledger/entries/{seq}", "show-entry", "One entry as its exact bytes, and the proof that it is on the ledger"), a.showEntry)
	staff(a, h, get("/ledger/consistency", "prove-consistency", "The proof that the ledger of one size continues that of a smaller one"), a.proveConsistency)
}

func (a *api) showLedger(ctx context.Context, c gate.Caller, _ *none) (*headOutput, error) {
	head, err := a.gate.LedgerHead(ctx, c)
	return &headOutput{head}, err
}

func (a *api) listEntries(ctx context.Context, c gate.Caller, in *entriesInput) (*entriesOutput, error) {
	page, err := a.gate.Entries(ctx, c, gate.EntryFilter{
		Stream: in.Stream, Case: in.Case, Type: in.Type, Since: in.Since, Until: in.Until, Cursor: in.Cursor, Limit: in.Limit,
	})
	return &entriesOutput{page}, err
}

func (a *api) showEntry(ctx context.Context, c gate.Caller, in *entryInput) (*entryOutput, error) {
	e, err := a.gate.Entry(ctx, c, in.Seq)
	return &entryOutput{e}, err
}

func (a *api) proveConsistency(ctx context.Context, c gate.Caller, in *consistencyInput) (*consistencyOutput, error) {
	proof, err := a.gate.Consistent(ctx, c, in.From, in.To)
	return &consistencyOutput{proof}, err
}
