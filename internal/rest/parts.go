package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

type mailTo gate.MailTo

// Schema lists the words.
func (mailTo) Schema(huma.Registry) *huma.Schema {
	return words("whom the test letter is for", gate.MailTos)
}

type partsOutput struct{ Body gate.PartsView }

type testDirectoryInput struct {
	Keyed
	Name string `path:"name" maxLength:"60"`
	Body struct {
		Login string `json:"login,omitempty" maxLength:"200" doc:"whose account to look up; your own without it, where your place on the roster names one"`
	}
}

type testMailInput struct {
	Keyed
	Body struct {
		To mailTo `json:"to"`
	}
}

type partTestOutput struct{ Body gate.TestView }

func (a *api) parts(h huma.API) {
	staff(a, h, get("/parts", "show-parts", "How everything is that the server works with"), a.showParts)
	staff(a, h, post("/parts/directories/{name}/test", "test-directory", "Look an account up, to see that a directory is read as it was meant", 200).reading(), a.testDirectory)
	staff(a, h, post("/parts/mail/test", "test-mail", "Send a test letter to your own address or to security", 200), a.testMail)
}

func (a *api) showParts(ctx context.Context, c gate.Caller, _ *none) (*partsOutput, error) {
	v, err := a.gate.Parts(ctx, c)
	return &partsOutput{v}, err
}

func (a *api) testDirectory(ctx context.Context, c gate.Caller, in *testDirectoryInput) (*partTestOutput, error) {
	v, err := a.gate.TestDirectory(ctx, c, in.Name, in.Body.Login)
	return &partTestOutput{v}, err
}

func (a *api) testMail(ctx context.Context, c gate.Caller, in *testMailInput) (*partTestOutput, error) {
	v, err := a.gate.TestMail(ctx, c, gate.MailTo(in.Body.To))
	return &partTestOutput{v}, err
}
