package ldapconn_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/directorytest/certs"
	"countersign/internal/directory/directorytest/scripted"
	"countersign/internal/directory/ldapconn"
)

func client(t *testing.T, s *scripted.Server) *ldapconn.Client {
	t.Helper()
	c, err := ldapconn.New(ldapconn.Server{Who: "test", URL: s.URL, RootCAs: s.Pool, BindDN: "cn=svc", Password: "svc-secret", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// onlyBind lets everybody in and does r for everything else.
func onlyBind(r scripted.Reply) func(scripted.Request) scripted.Reply {
	return func(q scripted.Request) scripted.Reply {
		if q.Op == scripted.Bind {
			return scripted.Reply{}
		}
		return r
	}
}

func modify() *ldap.ModifyRequest {
	m := ldap.NewModifyRequest("cn=x", nil)
	m.Replace("a", []string{"b"})
	return m
}

func TestOnlyEncryptedNamedServersAreConfigurable(t *testing.T) {
	for _, url := range []string{"", "ldap://", "ldapi:///x", "cldap://h", "http://h", "ldaps://u:p@h", "ldaps://h/dc=x", "ldaps://h?x", "host:636", "ldaps://[::1"} {
		if _, err := ldapconn.New(ldapconn.Server{Who: "test", URL: url, BindDN: "cn=svc", Password: "x"}); err == nil {
			t.Errorf("%q is accepted as an address", url)
		}
	}
	for _, s := range []ldapconn.Server{{URL: "ldaps://h", Password: "x"}, {URL: "ldaps://h", BindDN: "cn=svc"}} {
		if _, err := ldapconn.New(s); err == nil {
			t.Errorf("an anonymous service account is accepted: %+v", s)
		}
	}
}

func TestCertificatesComeFromAFileThatHasSome(t *testing.T) {
	set := certs.New(t, "127.0.0.1")
	if pool, err := ldapconn.Roots(set.CAFile); err != nil || !pool.Equal(set.Pool) {
		t.Errorf("Roots = %v", err)
	}
	for _, bad := range []string{set.KeyFile, set.Dir, set.CAFile + ".not"} {
		if pool, err := ldapconn.Roots(bad); err == nil || pool != nil {
			t.Errorf("Roots of %q = %v; want an error", bad, err)
		}
	}
	if pool, err := ldapconn.Roots(""); err != nil || pool != nil {
		t.Errorf("without a file: %v, %v; want the system's", pool, err)
	}
}

func TestAServerThatCannotEncryptNeverSeesThePassword(t *testing.T) {
	s := scripted.StartPlain(t, func(scripted.Request) scripted.Reply { return scripted.Reply{Code: 2} })
	_, err := client(t, s).Open(t.Context())
	if !errors.Is(err, directory.ErrUnreachable) {
		t.Errorf("Open = %v; want ErrUnreachable", err)
	}
	if len(s.Seen(scripted.StartTLS)) != 1 || len(s.Seen(scripted.Bind)) != 0 {
		t.Errorf("the server saw %d StartTLS and %d sign-ins; want 1 and 0", len(s.Seen(scripted.StartTLS)), len(s.Seen(scripted.Bind)))
	}
}

func TestAnUnknownCertificateIsUnreachable(t *testing.T) {
	s := scripted.Start(t, onlyBind(scripted.Reply{}))
	c, err := ldapconn.New(ldapconn.Server{Who: "test", URL: s.URL, BindDN: "cn=svc", Password: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(t.Context()); !errors.Is(err, directory.ErrUnreachable) || len(s.Seen(scripted.Bind)) != 0 {
		t.Errorf("Open = %v after %d sign-ins; want ErrUnreachable after none", err, len(s.Seen(scripted.Bind)))
	}
}

func TestARefusedServiceAccountIsUnreachable(t *testing.T) {
	s := scripted.Start(t, func(scripted.Request) scripted.Reply {
		return scripted.Reply{Code: 49, Text: "wrong: svc-secret"}
	})
	_, err := client(t, s).Open(t.Context())
	if !errors.Is(err, directory.ErrUnreachable) || strings.Contains(err.Error(), "svc-secret") {
		t.Errorf("Open = %v; want ErrUnreachable without the server's words", err)
	}
}

func TestAListenerThatSaysNothingIsLeftWhenTheCallerLeaves(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 1))
		cancel()
		<-t.Context().Done()
	}()
	for _, scheme := range []string{"ldaps", "ldap"} {
		c, err := ldapconn.New(ldapconn.Server{Who: "test", URL: scheme + "://" + l.Addr().String(), BindDN: "cn=svc", Password: "x", Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Open(ctx); !errors.Is(err, directory.ErrUnreachable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Open = %v; want ErrUnreachable and context.Canceled", scheme, err)
		}
	}
}

func TestTheThreeEndsOfAChange(t *testing.T) {
	for name, c := range map[string]struct {
		reply scripted.Reply
		want  error
	}{
		"done":               {scripted.Reply{}, nil},
		"no right":           {scripted.Reply{Code: 50}, directory.ErrRefused},
		"busy":               {scripted.Reply{Code: 51}, directory.ErrRefused},
		"unavailable":        {scripted.Reply{Code: 52}, directory.ErrRefused},
		"unwilling":          {scripted.Reply{Code: 53}, directory.ErrRefused},
		"elsewhere":          {scripted.Reply{Code: 10}, directory.ErrRefused},
		"hung up":            {scripted.Reply{Drop: true}, directory.ErrUncertain},
		"another's answer":   {scripted.Reply{WrongTag: true}, directory.ErrUncertain},
		"a client-side code": {scripted.Reply{Code: 200}, directory.ErrUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := client(t, scripted.Start(t, onlyBind(c.reply))).Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.Modify("changing", modify()); !errors.Is(err, c.want) {
				t.Errorf("Modify = %v; want %v", err, c.want)
			}
		})
		t.Run(name+", as a password", func(t *testing.T) {
			conn, err := client(t, scripted.Start(t, onlyBind(c.reply))).Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetPassword("changing", "cn=x", "new-secret"); !errors.Is(err, c.want) {
				t.Errorf("SetPassword = %v; want %v", err, c.want)
			}
		})
	}
}

func TestAPasswordTheServerChoseItselfIsUncertain(t *testing.T) {
	conn, err := client(t, scripted.Start(t, onlyBind(scripted.Reply{Generated: "its-own-choice"}))).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.SetPassword("changing", "cn=x", "new-secret")
	if !errors.Is(err, directory.ErrUncertain) || strings.Contains(err.Error(), "its-own-choice") {
		t.Errorf("SetPassword = %v; want ErrUncertain without the password", err)
	}
}

func TestAChangeAbandonedMidwayIsUncertainAndOneNeverSentIsNot(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := scripted.Start(t, func(q scripted.Request) scripted.Reply {
		if q.Op == scripted.Modify {
			cancel()
			return scripted.Reply{Hang: true}
		}
		return scripted.Reply{}
	})
	conn, err := client(t, s).Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Modify("changing", modify()); !errors.Is(err, directory.ErrUncertain) || !errors.Is(err, context.Canceled) {
		t.Errorf("a change cut off = %v; want ErrUncertain and context.Canceled", err)
	}
	err = conn.Modify("changing", modify())
	if !errors.Is(err, directory.ErrUnreachable) || errors.Is(err, directory.ErrUncertain) || len(s.Seen(scripted.Modify)) != 1 {
		t.Errorf("a change after that = %v with %d sent; want ErrUnreachable with none", err, len(s.Seen(scripted.Modify))-1)
	}
}

func TestWhatTheServerSaysIsNeverRepeated(t *testing.T) {
	const secret = "kept-from-the-log"
	conn, err := client(t, scripted.Start(t, onlyBind(scripted.Reply{Code: 19, Text: secret}))).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, searchErr := conn.Base("reading", "cn=x")
	for _, err := range []error{conn.Modify("changing", modify()), conn.SetPassword("changing", "cn=x", secret), searchErr} {
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("an error repeats the server's words: %v", err)
		}
		var le *ldap.Error
		if !errors.As(err, &le) || le.ResultCode != 19 {
			t.Errorf("%v cannot be classified", err)
		}
	}
}

func TestASearchHasNoHalfAnswers(t *testing.T) {
	one := scripted.Entry{DN: "cn=x", Attrs: map[string][]string{"cn": {"x"}}}
	for name, c := range map[string]struct {
		reply scripted.Reply
		want  error
	}{
		"no such base":           {scripted.Reply{Code: 32}, directory.ErrNotFound},
		"nothing readable":       {scripted.Reply{}, directory.ErrNotFound},
		"the limit, honoured":    {scripted.Reply{Entries: []scripted.Entry{one}, Code: 4}, ldapconn.ErrTooMany},
		"the limit, ignored":     {scripted.Reply{Entries: []scripted.Entry{one, one}}, ldapconn.ErrTooMany},
		"gone in the middle":     {scripted.Reply{Entries: []scripted.Entry{one}, Code: 52}, directory.ErrUnreachable},
		"sent elsewhere":         {scripted.Reply{Code: 10}, directory.ErrUnreachable},
		"with a reference aside": {scripted.Reply{Entries: []scripted.Entry{one}, Refer: []string{"ldap://elsewhere.test/"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := client(t, scripted.Start(t, onlyBind(c.reply))).Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Base("reading", "cn=x"); !errors.Is(err, c.want) {
				t.Errorf("Base = %v; want %v", err, c.want)
			}
		})
	}
}

func TestAnEmptyCredentialIsNeverTried(t *testing.T) {
	s := scripted.Start(t, onlyBind(scripted.Reply{}))
	conn, err := client(t, s).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, c := range [][2]string{{"", "x"}, {"cn=x", ""}, {"", ""}} {
		if a, err := conn.TryBind(c[0], c[1]); err != nil || a.Code == 0 {
			t.Errorf("TryBind(%q, %q) = %+v, %v; want a refusal", c[0], c[1], a, err)
		}
	}
	if a, err := conn.TryBind("cn=x", "y"); err != nil || a.Code != 0 {
		t.Errorf("TryBind = %+v, %v", a, err)
	}
	if n := len(s.Seen(scripted.Bind)); n != 2 {
		t.Errorf("the server saw %d sign-ins; want the service's and one more", n)
	}
}
