package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"countersign/internal/client"
)

// session is what stays on disk between two calls: whom this user is signed in
// as, and the case they came forward with. Readable by nobody else.
type session struct {
	Server string `json:"server"`
	Person string `json:"person,omitempty"`
	Token  string `json:"token,omitempty"`
	Case   string `json:"case,omitempty"` // the session of a case
}

func sessionFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding your configuration folder: %w", err)
	}
	return filepath.Join(dir, "countersign", "session.json"), nil
}

func loadSession() (session, error) {
	var s session
	path, err := sessionFile()
	if err != nil {
		return s, err
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the session: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return s, hinted(fmt.Errorf("%s may be read by others", path), "remove it and sign in again")
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, hinted(fmt.Errorf("%s does not read", path), "remove it and sign in again")
	}
	return s, nil
}

func (s session) save() error {
	path, err := sessionFile()
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("keeping the session: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping the session: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".session-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keeping the session: %w", err)
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keeping the session: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// dial finds the server and the stored session with it.
func (e *env) dial() (client.Client, session, error) {
	s, err := loadSession()
	if err != nil {
		return client.Client{}, s, err
	}
	at := e.server
	if at == "" {
		at = s.Server
	}
	if at == "" {
		return client.Client{}, s, hinted(usage{errors.New("no server is named")}, "set COUNTERSIGN_SERVER or say --server https://countersign.example.org")
	}
	c, err := client.New(at)
	if err != nil {
		return c, s, usage{err}
	}
	if s.Server != c.Server() {
		s = session{Server: c.Server()} // tokens go to the server they are from
	}
	return c, s, nil
}

// staff is a client with the caller's credential: COUNTERSIGN_TOKEN, or the
// session.
func (e *env) staff() (client.Client, error) {
	c, s, err := e.dial()
	if err != nil {
		return c, err
	}
	token := os.Getenv("COUNTERSIGN_TOKEN")
	if token == "" {
		token = s.Token
	}
	if token == "" {
		return c, hinted(errors.New("you are not signed in to "+c.Server()), ways["unauthenticated"])
	}
	return c.As(token), nil
}

// requester is a client with the session of a case.
func (e *env) requester() (client.Client, error) {
	c, s, err := e.dial()
	if err != nil {
		return c, err
	}
	if s.Case == "" {
		return c, hinted(errors.New("you have not come forward with a case code"), ways["session_unknown"])
	}
	return c.As(s.Case), nil
}
