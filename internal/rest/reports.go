package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
)

type reportInput struct {
	Keyed
	Body struct {
		Person    identity.PersonID    `json:"person,omitempty" maxLength:"200" doc:"whom it is about; or name an account of theirs"`
		Directory string               `json:"directory,omitempty" maxLength:"100" doc:"of the login; may be left out where there is only one"`
		Login     string               `json:"login,omitempty" maxLength:"256" doc:"the account's exact login name"`
		Signal    *gate.SignalReport   `json:"signal,omitempty"`
		Location  *gate.LocationReport `json:"location,omitempty"`
		Device    *gate.DeviceReport   `json:"device,omitempty"`
	}
}

func (a *api) reports(h huma.API) {
	staff(a, h, post("/reports", "report", "Report a signal, a location or a device (scope facts:report)", 204), a.report)
}

func (a *api) report(ctx context.Context, c gate.Caller, in *reportInput) (*none, error) {
	return nil, a.gate.Report(ctx, c, gate.Report{
		Person: in.Body.Person, Directory: in.Body.Directory, Login: in.Body.Login,
		Signal: in.Body.Signal, Location: in.Body.Location, Device: in.Body.Device,
	})
}
