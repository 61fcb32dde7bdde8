package servers_test

import (
	"testing"

	"countersign/internal/directory/directorytest/servers"
)

func TestTheLDAPServerAnswersAndLocksOut(t *testing.T) {
	s := servers.StartSlapd(t)
	if err := s.Bind(servers.Plain, servers.UserPassword); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(servers.Disabled, servers.UserPassword); err == nil {
		t.Error("a disabled user signs in")
	}
	s.LockOut(t, servers.Plain)
	if err := s.Bind(servers.Plain, servers.UserPassword); err == nil {
		t.Error("a locked-out user signs in")
	}
	s.SetPassword(t, servers.Plain, servers.GoodPassword)
	if err := s.Bind(servers.Plain, servers.GoodPassword); err != nil || s.MustChange(t, servers.Plain) {
		t.Errorf("after setting a password: %v, must change %v", err, s.MustChange(t, servers.Plain))
	}
}
