package servers_test

import (
	"testing"

	"countersign/internal/directory/directorytest/servers"
)

func TestTheDomainControllerAnswersAndLocksOut(t *testing.T) {
	s := servers.StartSamba(t)
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
}
