package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

type deskCheckInput struct {
	Body struct {
		Case string `json:"case" minLength:"1" maxLength:"40" doc:"the code that the caller gave"`
	}
}

type deskCheckOutput struct{ Body gate.DeskCheck }

type deskReportInput struct {
	Body struct {
		Case  string `json:"case,omitempty" maxLength:"40" doc:"the code that the caller gave, if any, right or wrong"`
		Login string `json:"login,omitempty" maxLength:"256" doc:"whose account the call was about"`
		Note  string `json:"note,omitempty" maxLength:"300" doc:"one line, in your own words"`
	}
}

// accepted is the answer to what is done later, and never tells what came of
// it.
type accepted struct {
	Body struct{}
}

func (a *api) desk(h huma.API) {
	public(a, h, post("/desk-checks", "check-desk", "Somebody rang as the helpdesk: is there such a case, and whose is it?", 200), a.checkDesk)
	public(a, h, post("/desk-reports", "report-caller", "Report a caller who claimed to be the helpdesk", 202), a.reportCaller)
}

func (a *api) checkDesk(ctx context.Context, in *deskCheckInput) (*deskCheckOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Claims); err != nil {
		return nil, err
	}
	c, err := a.gate.DeskCheck(ctx, in.Body.Case)
	return &deskCheckOutput{c}, err
}

func (a *api) reportCaller(ctx context.Context, in *deskReportInput) (*accepted, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Claims); err != nil {
		return nil, err
	}
	return &accepted{}, a.gate.ReportCaller(ctx, gate.CallerReport{Case: in.Body.Case, Login: in.Body.Login, Note: in.Body.Note})
}
