package activedirectory_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/activedirectory"
	"countersign/internal/directory/directorytest/scripted"
	"countersign/internal/identity"
)

const (
	guid     = "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
	guidID   = identity.AccountID("corp/00112233-4455-6677-8899-aabbccddeeff")
	userSID  = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x51\x04\x00\x00"
	usersSID = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x01\x02\x00\x00"
	foreign  = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x09\x00\x00\x00\x09\x00\x00\x00\x09\x00\x00\x00\x07\x02\x00\x00" // 519 of another domain
)

// domain is a controller that behaves, until a test changes what it holds.
type domain struct {
	user  map[string][]string
	reply func(scripted.Request) (scripted.Reply, bool) // consulted first
}

func newDomain() *domain {
	return &domain{user: map[string][]string{
		"objectGUID": {guid}, "objectSid": {userSID}, "tokenGroups": {usersSID}, "primaryGroupID": {"513"},
		"sAMAccountName": {"ada"}, "userPrincipalName": {"ada@corp.test"}, "displayName": {"Ada"}, "userAccountControl": {"512"},
		"pwdLastSet": {"132223104000000000"}, "mail": {"ada@corp.test"}, "mobile": {"+4670"},
	}}
}

func (d *domain) answer(r scripted.Request) scripted.Reply {
	if d.reply != nil {
		if reply, ok := d.reply(r); ok {
			return reply
		}
	}
	switch {
	case r.Op == scripted.Modify && r.Changes["pwdLastSet"] != nil:
		d.user = maps.Clone(d.user)
		d.user["pwdLastSet"] = r.Changes["pwdLastSet"]
	case r.Op == scripted.Search && strings.Contains(r.Filter, "primaryGroupID=516"):
		return scripted.Reply{}
	case r.Op == scripted.Search && strings.Contains(r.Filter, "objectClass=group"):
		return scripted.Reply{Entries: []scripted.Entry{{DN: "CN=Domain Users,DC=corp,DC=test", Attrs: map[string][]string{"objectSid": {usersSID}, "sAMAccountName": {"Domain Users"}}}}}
	case r.Op == scripted.Search:
		return scripted.Reply{Entries: []scripted.Entry{{DN: "CN=Ada,DC=corp,DC=test", Attrs: d.user}}, Refer: []string{"ldap://DomainDnsZones.corp.test/"}}
	}
	return scripted.Reply{}
}

func serve(t *testing.T, d *domain, change ...func(*activedirectory.Config)) (*activedirectory.Directory, *scripted.Server) {
	t.Helper()
	s := scripted.Start(t, d.answer)
	cfg := activedirectory.Config{
		Name: "corp", URL: s.URL, RootCAs: s.Pool, BindDN: "svc@corp.test", Password: "svc-secret", BaseDN: "DC=corp,DC=test",
		PersonAttribute: "employeeID", StartAttribute: "startDate", Timeout: time.Minute, Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) },
	}
	for _, c := range change {
		c(&cfg)
	}
	dir, err := activedirectory.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return dir, s
}

func TestAnHonestScriptIsBelieved(t *testing.T) {
	d := newDomain()
	d.user["tokenGroups"] = []string{usersSID}
	d.user["msDS-ReplAttributeMetaData"] = []string{
		"<DS_REPL_ATTR_META_DATA><pszAttributeName>mobile</pszAttributeName><ftimeLastOriginatingChange>2025-02-03T04:05:06Z</ftimeLastOriginatingChange></DS_REPL_ATTR_META_DATA>\x00",
		"<DS_REPL_ATTR_META_DATA><pszAttributeName>mail</pszAttributeName><ftimeLastOriginatingChange>2027-02-03T04:05:06Z</ftimeLastOriginatingChange></DS_REPL_ATTR_META_DATA>\x00",
	}
	dir, _ := serve(t, d)
	a, err := dir.Find(t.Context(), "ada")
	if err != nil || a.ID != guidID || a.Person != identity.PersonID(guidID) || a.Admin || a.Status != directory.Active {
		t.Fatalf("Find = %+v, %v", a, err)
	}
	if len(a.Contacts) != 2 || !a.Contacts[0].Own || !a.Contacts[0].FirstSeen.IsZero() || !a.Contacts[1].FirstSeen.Equal(time.Date(2025, 2, 3, 4, 5, 6, 0, time.UTC)) {
		t.Errorf("contacts %+v; want the mobile dated, and no date from the future", a.Contacts)
	}
	out, err := dir.ResetPassword(t.Context(), guidID, "the-new-secret", true)
	if err != nil || !out.Applied {
		t.Errorf("ResetPassword = %+v, %v", out, err)
	}
}

func TestWhatCannotBeReadIsNotGuessed(t *testing.T) {
	for name, spoil := range map[string]func(u map[string][]string){
		"no id":                      func(u map[string][]string) { delete(u, "objectGUID") },
		"a short id":                 func(u map[string][]string) { u["objectGUID"] = []string{guid[:15]} },
		"no security id":             func(u map[string][]string) { delete(u, "objectSid") },
		"no groups at all":           func(u map[string][]string) { delete(u, "tokenGroups") },
		"a malformed group":          func(u map[string][]string) { u["tokenGroups"] = []string{usersSID, "x"} },
		"no control bits":            func(u map[string][]string) { delete(u, "userAccountControl") },
		"control bits that are text": func(u map[string][]string) { u["userAccountControl"] = []string{"normal"} },
		"no readable first day":      func(u map[string][]string) { u["startDate"] = []string{"9223372036854775807"} },
		"two persons":                func(u map[string][]string) { u["employeeID"] = []string{"1", "2"} },
		"a person of control bytes":  func(u map[string][]string) { u["employeeID"] = []string{"1\n2"} },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDomain()
			spoil(d.user)
			dir, _ := serve(t, d)
			if a, err := dir.Find(t.Context(), "ada"); !errors.Is(err, directory.ErrUnreachable) {
				t.Errorf("Find = %+v, %v; want ErrUnreachable", a, err)
			}
			if a, err := dir.Lookup(t.Context(), guidID); !errors.Is(err, directory.ErrUnreachable) {
				t.Errorf("Lookup = %+v, %v; want ErrUnreachable", a, err)
			}
		})
	}
}

func TestAnotherEntryThanTheOneAskedForIsNotTaken(t *testing.T) {
	d := newDomain()
	d.user["objectGUID"] = []string{strings.Repeat("\x07", 16)}
	dir, s := serve(t, d)
	if a, err := dir.Lookup(t.Context(), guidID); !errors.Is(err, directory.ErrUnreachable) {
		t.Errorf("Lookup = %+v, %v; want ErrUnreachable", a, err)
	}
	if _, err := dir.ResetPassword(t.Context(), guidID, "the-new-secret", true); !errors.Is(err, directory.ErrUnreachable) || len(s.Seen(scripted.Modify)) != 0 {
		t.Errorf("ResetPassword = %v after %d changes; want ErrUnreachable after none", err, len(s.Seen(scripted.Modify)))
	}
}

func TestCollatedNamesAreNotTheName(t *testing.T) {
	dir, _ := serve(t, newDomain()) // the script answers every search with ada
	for _, login := range []string{"ádá", "ad", "ada ", "аda", "bob"} {
		if a, err := dir.Find(t.Context(), login); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("Find(%q) = %q, %v; want ErrNotFound", login, a.ID, err)
		}
	}
}

func TestTwoEntriesOfOneNameAreAmbiguous(t *testing.T) {
	for name, reply := range map[string]scripted.Reply{
		"two":  {Entries: []scripted.Entry{{DN: "CN=1", Attrs: newDomain().user}, {DN: "CN=2", Attrs: newDomain().user}}},
		"many": {Entries: []scripted.Entry{{DN: "CN=1", Attrs: newDomain().user}}, Code: 4},
	} {
		d := newDomain()
		d.reply = func(r scripted.Request) (scripted.Reply, bool) {
			return reply, r.Op == scripted.Search && strings.Contains(r.Filter, "sAMAccountName=ada")
		}
		dir, _ := serve(t, d)
		if a, err := dir.Find(t.Context(), "ada"); !errors.Is(err, directory.ErrAmbiguous) {
			t.Errorf("%s: Find = %q, %v; want ErrAmbiguous", name, a.ID, err)
		}
	}
}

func TestAnEnterpriseAdministratorOfAnotherDomainIsSeen(t *testing.T) {
	d := newDomain()
	d.user["tokenGroups"] = []string{usersSID, foreign}
	dir, _ := serve(t, d)
	a, err := dir.Find(t.Context(), "ada")
	if err != nil || !a.Admin || strings.Join(a.Groups, ",") != "Domain Users,S-1-5-21-9-9-9-519" {
		t.Errorf("Find = %+v, %v; want an administrator, with the unknown group by its identifier", a, err)
	}
}

func TestSuccessThatReadsBackOtherwiseIsUncertain(t *testing.T) {
	const secret = "the-new-secret"
	for name, c := range map[string]struct {
		mustChange bool
		reply      func(scripted.Request) (scripted.Reply, bool)
	}{
		"the mark is not there": {true, func(r scripted.Request) (scripted.Reply, bool) { return scripted.Reply{}, r.Op == scripted.Modify }},
		"nothing has happened":  {false, func(r scripted.Request) (scripted.Reply, bool) { return scripted.Reply{}, r.Op == scripted.Modify }},
		"the password does not work": {true, func(r scripted.Request) (scripted.Reply, bool) {
			return scripted.Reply{Code: 49, Text: "80090308: LdapErr: x, data 52e, v1"}, r.Op == scripted.Bind && r.Secret == secret
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDomain()
			d.reply = c.reply
			dir, _ := serve(t, d)
			out, err := dir.ResetPassword(t.Context(), guidID, secret, c.mustChange)
			if !errors.Is(err, directory.ErrUncertain) || out.Applied {
				t.Errorf("ResetPassword = %+v, %v; want ErrUncertain", out, err)
			}
		})
	}
	t.Run("still locked", func(t *testing.T) {
		d := newDomain()
		d.user["lockoutTime"] = []string{"132223104000000000"}
		dir, _ := serve(t, d)
		if out, err := dir.Unlock(t.Context(), guidID); !errors.Is(err, directory.ErrUncertain) || out.Applied {
			t.Errorf("Unlock = %+v, %v; want ErrUncertain", out, err)
		}
	})
}

func TestARefusalNamesTheReasonAndNotTheSecret(t *testing.T) {
	const secret = "the-new-secret"
	for text, want := range map[string]string{
		"0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0 " + secret: "password policy",
		"00000005: SecErr: DSID-03152E29, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0":       "lacks the right",
		secret: "",
	} {
		d := newDomain()
		d.reply = func(r scripted.Request) (scripted.Reply, bool) {
			return scripted.Reply{Code: 53, Text: text}, r.Op == scripted.Modify
		}
		dir, s := serve(t, d)
		out, err := dir.ResetPassword(t.Context(), guidID, secret, true)
		if !errors.Is(err, directory.ErrRefused) || out.Applied || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("ResetPassword = %+v, %v; want ErrRefused naming %q", out, err, want)
		}
		m := s.Seen(scripted.Modify)
		if len(m) != 1 || m[0].Changes["unicodePwd"] == nil || m[0].Changes["pwdLastSet"] == nil || m[0].Changes["lockoutTime"] == nil {
			t.Errorf("the changes sent were %d: %v; want all in one", len(m), m)
		}
	}
}

func TestAnAnswerThatNeverComesIsUncertainAndIsNotAskedForAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := newDomain()
	d.reply = func(r scripted.Request) (scripted.Reply, bool) {
		if r.Op == scripted.Modify {
			cancel()
		}
		return scripted.Reply{Hang: true}, r.Op == scripted.Modify
	}
	dir, s := serve(t, d)
	out, err := dir.ResetPassword(ctx, guidID, "the-new-secret", true)
	if !errors.Is(err, directory.ErrUncertain) || !errors.Is(err, context.Canceled) || out.Applied || len(s.Seen(scripted.Modify)) != 1 {
		t.Errorf("ResetPassword = %+v, %v after %d changes; want ErrUncertain after one", out, err, len(s.Seen(scripted.Modify)))
	}
	rude := newDomain()
	rude.reply = func(r scripted.Request) (scripted.Reply, bool) {
		return scripted.Reply{Drop: true}, r.Op == scripted.Modify
	}
	s.Script(rude.answer)
	if out, err := dir.Unlock(t.Context(), guidID); !errors.Is(err, directory.ErrUncertain) || out.Applied {
		t.Errorf("Unlock of a server that hangs up = %+v, %v; want ErrUncertain", out, err)
	}
}

func TestALockOutDuringTheConfirmationIsNoted(t *testing.T) {
	const secret = "the-new-secret"
	d := newDomain()
	d.reply = func(r scripted.Request) (scripted.Reply, bool) {
		return scripted.Reply{Code: 49, Text: "80090308: LdapErr: x, data 775, v1"}, r.Op == scripted.Bind && r.Secret == secret
	}
	dir, _ := serve(t, d)
	out, err := dir.ResetPassword(t.Context(), guidID, secret, true)
	if err != nil || !out.Applied || !strings.Contains(strings.Join(out.Notes, "\n"), "locked out again") {
		t.Errorf("ResetPassword = %+v, %v", out, err)
	}
}

func TestOtherControllersAreNoted(t *testing.T) {
	d := newDomain()
	d.reply = func(r scripted.Request) (scripted.Reply, bool) {
		two := []scripted.Entry{{DN: "CN=DC1"}, {DN: "CN=DC2"}}
		return scripted.Reply{Entries: two}, r.Op == scripted.Search && strings.Contains(r.Filter, "primaryGroupID=516")
	}
	dir, _ := serve(t, d)
	out, err := dir.ResetPassword(t.Context(), guidID, "the-new-secret", true)
	if err != nil || !strings.Contains(strings.Join(out.Notes, "\n"), "one of 2 domain controllers") {
		t.Errorf("ResetPassword = %+v, %v", out, err)
	}
}

func TestAManagerWhoIsGoneIsNoManagerAndOneWhoCannotBeReadIsAFault(t *testing.T) {
	for name, c := range map[string]struct {
		reply scripted.Reply
		want  error
	}{
		"gone":     {scripted.Reply{Code: 32}, nil},
		"hidden":   {scripted.Reply{}, nil},
		"busy":     {scripted.Reply{Code: 51}, directory.ErrUnreachable},
		"nameless": {scripted.Reply{Entries: []scripted.Entry{{DN: "CN=Boss"}}}, directory.ErrUnreachable},
	} {
		d := newDomain()
		d.user["manager"] = []string{"CN=Boss,DC=corp,DC=test"}
		d.reply = func(r scripted.Request) (scripted.Reply, bool) {
			return c.reply, strings.HasPrefix(r.Name, "CN=Boss")
		}
		dir, _ := serve(t, d)
		a, err := dir.Find(t.Context(), "ada")
		if !errors.Is(err, c.want) || a.Manager != (directory.Manager{}) {
			t.Errorf("%s: Find = %+v, %v; want no manager and %v", name, a.Manager, err, c.want)
		}
	}
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	good := activedirectory.Config{Name: "corp", URL: "ldaps://dc.test", BindDN: "svc", Password: "x", BaseDN: "DC=corp,DC=test"}
	if _, err := activedirectory.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*activedirectory.Config){
		"no name": func(c *activedirectory.Config) { c.Name = "" }, "a slash in the name": func(c *activedirectory.Config) { c.Name = "a/b" },
		"no base": func(c *activedirectory.Config) { c.BaseDN = "" }, "a base of no domain": func(c *activedirectory.Config) { c.BaseDN = "OU=x" },
		"no password": func(c *activedirectory.Config) { c.Password = "" }, "a marker without value": func(c *activedirectory.Config) { c.ServiceMarker = "x" },
		"no encryption": func(c *activedirectory.Config) { c.URL = "http://dc.test" },
	} {
		bad := good
		spoil(&bad)
		if _, err := activedirectory.New(bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
