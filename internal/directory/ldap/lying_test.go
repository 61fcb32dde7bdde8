package ldap_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/directorytest/scripted"
	"countersign/internal/directory/ldap"
	"countersign/internal/identity"
)

const (
	object = "00112233-4455-6677-8899-aabbccddeeff"
	id     = identity.AccountID("tree/" + object)
)

// tree is a server with one entry that behaves, until a test changes it.
type tree struct {
	user  map[string][]string
	reply func(scripted.Request) (scripted.Reply, bool) // consulted first
}

func newTree() *tree {
	return &tree{user: map[string][]string{
		"uid": {"ada"}, "entryUUID": {object}, "displayName": {"Ada"}, "cn": {"Ada"}, "mail": {"ada@example.test"},
	}}
}

func (tr *tree) answer(r scripted.Request) scripted.Reply {
	if tr.reply != nil {
		if reply, ok := tr.reply(r); ok {
			return reply
		}
	}
	switch {
	case r.Op == scripted.Modify && len(r.Changes["pwdReset"]) > 0:
		tr.user["pwdReset"] = r.Changes["pwdReset"]
	case r.Op == scripted.Search && strings.Contains(r.Filter, "member="):
		return scripted.Reply{}
	case r.Op == scripted.Search && r.Name == "":
		return scripted.Reply{Entries: []scripted.Entry{{Attrs: map[string][]string{"objectClass": {"top"}}}}}
	case r.Op == scripted.Search:
		return scripted.Reply{Entries: []scripted.Entry{{DN: "uid=ada,dc=test", Attrs: tr.user}}}
	}
	return scripted.Reply{}
}

func serve(t *testing.T, tr *tree) (*ldap.Directory, *scripted.Server) {
	t.Helper()
	s := scripted.Start(t, tr.answer)
	d, err := ldap.New(ldap.Config{
		Name: "tree", URL: s.URL, RootCAs: s.Pool, BindDN: "cn=svc", Password: "svc-secret", BaseDN: "dc=test",
		Attributes: ldap.Attributes{Person: "employeeNumber", Start: "startDate"}, AdminGroups: []string{"cn=admins,dc=test"}, Timeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

func TestWhatCannotBeReadIsNotGuessed(t *testing.T) {
	for name, spoil := range map[string]func(u map[string][]string){
		"no id":           func(u map[string][]string) { delete(u, "entryUUID") },
		"an id in braces": func(u map[string][]string) { u["entryUUID"] = []string{"{" + object + "}"} },
		"two ids":         func(u map[string][]string) { u["entryUUID"] = []string{object, object[:35] + "0"} },
		"no readable day": func(u map[string][]string) { u["startDate"] = []string{"next Monday"} },
		"two persons":     func(u map[string][]string) { u["employeeNumber"] = []string{"1", "2"} },
	} {
		tr := newTree()
		spoil(tr.user)
		d, _ := serve(t, tr)
		if a, err := d.Find(t.Context(), "ada"); !errors.Is(err, directory.ErrUnreachable) {
			t.Errorf("%s: Find = %+v, %v; want ErrUnreachable", name, a, err)
		}
	}
}

func TestAnotherEntryThanTheOneAskedForIsNotTaken(t *testing.T) {
	tr := newTree()
	tr.user["entryUUID"] = []string{object[:35] + "0"}
	d, s := serve(t, tr)
	if _, err := d.ResetPassword(t.Context(), id, "the-new-secret", true); !errors.Is(err, directory.ErrUnreachable) || len(s.Seen(scripted.Password)) != 0 {
		t.Errorf("ResetPassword = %v after %d changes; want ErrUnreachable after none", err, len(s.Seen(scripted.Password)))
	}
	if _, err := d.Find(t.Context(), "bob"); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("Find(bob) of a server that answers with ada = %v; want ErrNotFound", err)
	}
}

func TestTwoEntriesOfOneNameAreAmbiguous(t *testing.T) {
	tr := newTree()
	tr.reply = func(r scripted.Request) (scripted.Reply, bool) {
		return scripted.Reply{Entries: []scripted.Entry{{DN: "uid=ada,ou=a,dc=test", Attrs: tr.user}, {DN: "uid=ada,ou=b,dc=test", Attrs: tr.user}}}, r.Op == scripted.Search
	}
	d, _ := serve(t, tr)
	if _, err := d.Find(t.Context(), "ada"); !errors.Is(err, directory.ErrAmbiguous) {
		t.Errorf("Find = %v; want ErrAmbiguous", err)
	}
	if _, err := d.Lookup(t.Context(), id); !errors.Is(err, directory.ErrUnreachable) {
		t.Errorf("Lookup of an id of two entries = %v; want ErrUnreachable", err)
	}
}

func TestGroupsWithoutEndAreAFault(t *testing.T) {
	tr := newTree()
	n := 0
	tr.reply = func(r scripted.Request) (scripted.Reply, bool) {
		if r.Op != scripted.Search || !strings.Contains(r.Filter, "member=") {
			return scripted.Reply{}, false
		}
		var more []scripted.Entry
		for range 500 {
			n++
			more = append(more, scripted.Entry{DN: fmt.Sprintf("cn=g%d,dc=test", n), Attrs: map[string][]string{"cn": {fmt.Sprint("g", n)}}})
		}
		return scripted.Reply{Entries: more}, true
	}
	d, _ := serve(t, tr)
	if a, err := d.Find(t.Context(), "ada"); !errors.Is(err, directory.ErrUnreachable) {
		t.Errorf("Find = %d groups, %v; want ErrUnreachable", len(a.Groups), err)
	}
}

func TestGroupsThatCannotBeReadAreAFault(t *testing.T) {
	for _, code := range []uint16{4, 32, 50, 51} {
		tr := newTree()
		tr.reply = func(r scripted.Request) (scripted.Reply, bool) {
			return scripted.Reply{Code: code}, r.Op == scripted.Search && strings.Contains(r.Filter, "member=")
		}
		d, _ := serve(t, tr)
		if a, err := d.Find(t.Context(), "ada"); !errors.Is(err, directory.ErrUnreachable) {
			t.Errorf("result %d: Find = %+v, %v; want ErrUnreachable", code, a, err)
		}
	}
}

func TestHowAResetCanEnd(t *testing.T) {
	const secret = "the-new-secret"
	on := func(op scripted.Op, reply scripted.Reply) func(scripted.Request) (scripted.Reply, bool) {
		return func(r scripted.Request) (scripted.Reply, bool) { return reply, r.Op == op }
	}
	for name, c := range map[string]struct {
		reply func(scripted.Request) (scripted.Reply, bool)
		want  error
		says  string
	}{
		"as asked":                  {nil, nil, ""},
		"too weak":                  {on(scripted.Password, scripted.Reply{Code: 19, Text: secret}), directory.ErrRefused, "password policy"},
		"no right":                  {on(scripted.Password, scripted.Reply{Code: 50, Text: secret}), directory.ErrRefused, ""},
		"not supported":             {on(scripted.Password, scripted.Reply{Code: 2}), directory.ErrRefused, ""},
		"read-only replica":         {on(scripted.Password, scripted.Reply{Code: 10}), directory.ErrRefused, ""},
		"hung up":                   {on(scripted.Password, scripted.Reply{Drop: true}), directory.ErrUncertain, ""},
		"a password of its own":     {on(scripted.Password, scripted.Reply{Generated: "other"}), directory.ErrUncertain, ""},
		"the mark is declined":      {on(scripted.Modify, scripted.Reply{Code: 50}), directory.ErrUncertain, "the password was changed"},
		"the mark's answer is lost": {on(scripted.Modify, scripted.Reply{Drop: true}), directory.ErrUncertain, "the password was changed"},
		"the mark is not there":     {on(scripted.Modify, scripted.Reply{}), directory.ErrUncertain, "must-change mark"},
		"the new password is refused": {func(r scripted.Request) (scripted.Reply, bool) {
			return scripted.Reply{Code: 49}, r.Secret == secret && r.Op == scripted.Bind
		}, directory.ErrUncertain, "does not work"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree()
			tr.reply = c.reply
			d, _ := serve(t, tr)
			out, err := d.ResetPassword(t.Context(), id, secret, true)
			if !errors.Is(err, c.want) || out.Applied != (c.want == nil) {
				t.Fatalf("ResetPassword = %+v, %v; want %v", out, err, c.want)
			}
			if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), secret)) {
				t.Errorf("the error is %q; want %q in it and no secret", err, c.says)
			}
			if err == nil && out.OldDead != "unknown" {
				t.Errorf("of a server that is not known to be OpenLDAP, the old password is reported %q", out.OldDead)
			}
		})
	}
}

func TestAnAnswerThatNeverComesIsUncertain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tr := newTree()
	tr.reply = func(r scripted.Request) (scripted.Reply, bool) {
		if r.Op == scripted.Password {
			cancel()
		}
		return scripted.Reply{Hang: true}, r.Op == scripted.Password
	}
	d, s := serve(t, tr)
	if out, err := d.ResetPassword(ctx, id, "the-new-secret", true); !errors.Is(err, directory.ErrUncertain) || out.Applied || len(s.Seen(scripted.Password)) != 1 {
		t.Errorf("ResetPassword = %+v, %v after %d changes; want ErrUncertain after one", out, err, len(s.Seen(scripted.Password)))
	}
}

func TestNonsenseDatesCloseAnAccount(t *testing.T) {
	for attr, values := range map[string][]string{"pwdEndTime": {"soon"}, "shadowExpire": {"never", "0", "1"}} {
		for _, v := range values {
			tr := newTree()
			tr.user[attr] = []string{v}
			d, _ := serve(t, tr)
			if a, err := d.Find(t.Context(), "ada"); err != nil || a.Status != directory.Expired {
				t.Errorf("%s: %s is %q, %v; want expired", attr, v, a.Status, err)
			}
		}
	}
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	good := ldap.Config{Name: "tree", URL: "ldaps://h.test", BindDN: "cn=svc", Password: "x", BaseDN: "dc=test"}
	if _, err := ldap.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*ldap.Config){
		"no name": func(c *ldap.Config) { c.Name = "" }, "no base": func(c *ldap.Config) { c.BaseDN = "" },
		"a filter that is none": func(c *ldap.Config) { c.UserFilter = "objectClass=person)" }, "an attribute that is a filter": func(c *ldap.Config) { c.Attributes.Login = "uid=*)(cn" },
		"an administrative group that is no name": func(c *ldap.Config) { c.AdminGroups = []string{"admins"} },
		"a marker without value":                  func(c *ldap.Config) { c.DisabledMarker = "left" },
		"no password":                             func(c *ldap.Config) { c.Password = "" },
	} {
		bad := good
		spoil(&bad)
		if _, err := ldap.New(bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
