package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/signin"
)

type ownerOutput struct {
	Body struct {
		Account identity.AccountID `json:"account"`
		Token   string             `json:"token,omitempty" doc:"for Authorization: Bearer; absent with as=cookie"`
	}
}

type beginEnrolmentInput struct {
	Body struct {
		As string `json:"as,omitempty" enum:"token,cookie" doc:"how the session is handed over: token (the default) in the answer, cookie to a browser"`
	}
}

type securityOutput struct{ Body gate.Security }

type labelInput struct {
	Body struct {
		Label string `json:"label,omitempty" maxLength:"60" doc:"what you will know it by"`
	}
}

type begunOutput struct{ Body gate.Begun }

type addedOutput struct{ Body gate.Added }

type confirmPasskeyInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Response browserAnswer `json:"response"`
	}
}

type confirmInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"40"`
	}
}

type addressInput struct {
	Body struct {
		Method  string `json:"method" enum:"email_code,sms_code,recovery_contact" doc:"a mailbox or a telephone of yours, or the mailbox of somebody you trust"`
		Address string `json:"address" minLength:"1" maxLength:"254"`
		Label   string `json:"label,omitempty" maxLength:"60" doc:"what you will know it by"`
	}
}

type colleagueInput struct {
	Body struct {
		Login string `json:"login" minLength:"1" maxLength:"256"`
	}
}

type ownRequestInput struct {
	Body struct {
		Action identity.Action `json:"action" enum:"password_reset,mfa_reset,unlock" doc:"what your own account needs"`
		As     string          `json:"as,omitempty" enum:"token,cookie" doc:"how the requester's session is handed over: token (the default) in the answer, cookie to a browser"`
	}
}

type factorInput struct {
	ID string `path:"id" maxLength:"100"`
}

func (a *api) security(h huma.API) {
	public(a, h, post("/security/sign-in/begin", "begin-owner-sign-in", "Begin to sign in to look after your own account", 200), a.beginSignIn)
	public(a, h, post("/security/sign-in/finish", "finish-owner-sign-in", "Sign in with your own passkey's answer", 200).withSecret(), a.finishOwner)
	requester(a, h, post("/case/enrolment", "begin-enrolment", "Go on to register first factors, after a first enrolment", 201).withSecret(), a.beginEnrolment)
	owner(a, h, post("/security/sign-out", "owner-sign-out", "End this session", 204), a.ownerSignOut)
	owner(a, h, get("/security", "show-security", "By what you can prove yourself, and what was done"), a.showSecurity)
	owner(a, h, post("/security/passkeys", "add-passkey", "Begin to register a passkey", 201), a.addPasskey)
	owner(a, h, post("/security/passkeys/{id}", "confirm-passkey", "Register it with the browser's answer", 200), a.confirmPasskey)
	owner(a, h, post("/security/totp", "add-totp", "Begin to register an authenticator app", 201).withSecret(), a.addTOTP)
	owner(a, h, post("/security/addresses", "add-address", "Begin to register a mailbox, a telephone or a recovery contact", 201), a.addAddress)
	owner(a, h, post("/security/begun/{id}", "confirm-factor", "Register what was begun, with the code that it shows or that came to it", 200), a.confirmFactor)
	owner(a, h, post("/security/recovery-codes", "add-recovery-code", "Make a recovery code to print, in place of the one before", 201).withSecret(), a.addRecoveryCode)
	owner(a, h, post("/security/colleagues", "add-colleague", "Name a colleague who may vouch for you", 201), a.addColleague)
	owner(a, h, post("/security/factors/{id}/remove", "remove-factor", "Take a factor away", 204), a.removeFactor)
	owner(a, h, post("/security/requests", "open-own-request", "Open a request about your own account, and come forward with it", 201).withSecret(), a.openOwnRequest)
	public(a, h, post("/disownments", "disown", "“That wasn't me”, by the link in the news of a factor", 204), a.disown)
}

func (a *api) finishOwner(ctx context.Context, in *finishInput) (*ownerOutput, error) {
	c := callOf(ctx)
	if err := a.signin.Admit(c.r, signin.SignIns); err != nil {
		return nil, err
	}
	token, o, err := a.signin.FinishOwner(ctx, c.r, in.Body.Ceremony, in.Body.Response)
	if err != nil {
		return nil, err
	}
	return a.owned(c, o, token, in.Body.As), nil
}

func (a *api) owned(c *call, o gate.Owner, token, handing string) *ownerOutput {
	out := &ownerOutput{}
	out.Body.Account = o.Account
	if handing == "cookie" {
		a.signin.SetOwnerCookie(c.w, token)
	} else {
		out.Body.Token = token
	}
	return out
}

func (a *api) beginEnrolment(ctx context.Context, token string, in *beginEnrolmentInput) (*ownerOutput, error) {
	o, err := a.gate.BeginEnrolment(ctx, token)
	if err != nil {
		return nil, err
	}
	session, err := a.signin.OpenOwner(ctx, o)
	if err != nil {
		return nil, err
	}
	return a.owned(callOf(ctx), o, session, in.Body.As), nil
}

func (a *api) ownerSignOut(ctx context.Context, _ gate.Owner, _ *none) (*none, error) {
	c := callOf(ctx)
	token, err := a.signin.OwnerToken(c.r)
	if err == nil {
		err = a.signin.SignOutOwner(ctx, token)
	}
	if err != nil {
		return nil, err
	}
	a.signin.ClearOwnerCookie(c.w)
	return nil, nil
}

func (a *api) showSecurity(ctx context.Context, o gate.Owner, _ *none) (*securityOutput, error) {
	v, err := a.gate.Mine(ctx, o)
	return &securityOutput{v}, err
}

func (a *api) addPasskey(ctx context.Context, o gate.Owner, in *labelInput) (*begunOutput, error) {
	b, err := a.gate.AddPasskey(ctx, o, in.Body.Label)
	return &begunOutput{b}, err
}

func (a *api) confirmPasskey(ctx context.Context, o gate.Owner, in *confirmPasskeyInput) (*addedOutput, error) {
	v, err := a.gate.ConfirmPasskey(ctx, o, in.ID, in.Body.Response)
	return &addedOutput{v}, err
}

func (a *api) addTOTP(ctx context.Context, o gate.Owner, in *labelInput) (*begunOutput, error) {
	b, err := a.gate.AddTOTP(ctx, o, in.Body.Label)
	return &begunOutput{b}, err
}

// Each of these costs a hash, or sends a message: it is counted as an answer is.

func (a *api) addAddress(ctx context.Context, o gate.Owner, in *addressInput) (*begunOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	b, err := a.gate.AddAddress(ctx, o, proof.Method(in.Body.Method), in.Body.Address, in.Body.Label)
	return &begunOutput{b}, err
}

func (a *api) confirmFactor(ctx context.Context, o gate.Owner, in *confirmInput) (*addedOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	v, err := a.gate.Confirm(ctx, o, in.ID, in.Body.Code)
	return &addedOutput{v}, err
}

func (a *api) addRecoveryCode(ctx context.Context, o gate.Owner, _ *none) (*addedOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	v, err := a.gate.AddRecoveryCode(ctx, o)
	return &addedOutput{v}, err
}

func (a *api) addColleague(ctx context.Context, o gate.Owner, in *colleagueInput) (*addedOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	v, err := a.gate.AddColleague(ctx, o, in.Body.Login)
	return &addedOutput{v}, err
}

func (a *api) removeFactor(ctx context.Context, o gate.Owner, in *factorInput) (*none, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	return nil, a.gate.Remove(ctx, o, in.ID)
}

func (a *api) openOwnRequest(ctx context.Context, o gate.Owner, in *ownRequestInput) (*claimOutput, error) {
	v, token, err := a.gate.OpenOwn(ctx, o, in.Body.Action)
	if err != nil {
		return nil, err
	}
	return a.handed(ctx, token, v, in.Body.As), nil
}

func (a *api) disown(ctx context.Context, in *repudiateInput) (*none, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Claims); err != nil {
		return nil, err
	}
	_, err := a.gate.Disown(ctx, in.Body.Token)
	return nil, err
}
