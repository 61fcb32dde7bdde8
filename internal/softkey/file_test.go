package softkey_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/softkey"
)

func TestASavedKeyLoadsAsTheSameKey(t *testing.T) {
	k, path := seeded(3), filepath.Join(t.TempDir(), "approver.key")
	if err := k.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	back, err := softkey.Load(path)
	if err != nil || !bytes.Equal(back.ID(), k.ID()) {
		t.Errorf("loaded another key (%v)", err)
	}
}

func TestSavingNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "approver.key")
	if err := seeded(3).Save(path); err != nil {
		t.Fatal(err)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if err := seeded(4).Save(p); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over %s: %v; want ErrExist", filepath.Base(p), err)
		}
		if err := seeded(4).SaveEncrypted(p, "a long passphrase"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("encrypted over %s: %v; want ErrExist", filepath.Base(p), err)
		}
	}
	if k, err := softkey.Load(path); err != nil || !bytes.Equal(k.ID(), seeded(3).ID()) {
		t.Errorf("the first key is gone (%v)", err)
	}
}

func TestAKeyOthersCanReachIsRefusedWithAHint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "approver.key")
	if err := seeded(3).Save(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := softkey.Load(path); !errors.Is(err, softkey.ErrPermissions) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v; want ErrPermissions with a hint", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := softkey.Load(path); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

func TestAPassphraseProtectsAKey(t *testing.T) {
	k, dir := seeded(5), t.TempDir()
	path, open := filepath.Join(dir, "approver.key"), filepath.Join(dir, "open.key")
	if err := errors.Join(k.SaveEncrypted(path, "a long passphrase"), k.Save(open)); err != nil {
		t.Fatal(err)
	}
	back, err := softkey.LoadEncrypted(path, "a long passphrase")
	if err != nil || !bytes.Equal(back.ID(), k.ID()) {
		t.Errorf("loaded another key (%v)", err)
	}
	if _, err := softkey.LoadEncrypted(path, "a long passphrasf"); !errors.Is(err, softkey.ErrPassphrase) {
		t.Errorf("with another passphrase: %v; want ErrPassphrase", err)
	}
	if _, err := softkey.LoadEncrypted(path, ""); !errors.Is(err, softkey.ErrPassphrase) {
		t.Errorf("with none: %v; want ErrPassphrase", err)
	}
	if _, err := softkey.Load(path); !errors.Is(err, softkey.ErrEncrypted) {
		t.Errorf("without asking: %v; want ErrEncrypted", err)
	}
	if _, err := softkey.LoadEncrypted(open, "a long passphrase"); !errors.Is(err, softkey.ErrForm) {
		t.Errorf("an open key with a passphrase: %v; want ErrForm", err)
	}
	if err := k.SaveEncrypted(path+"2", ""); err == nil {
		t.Error("encrypted to an empty passphrase")
	}
}

func TestWhatIsNotAKeyFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	if err := seeded(6).Save(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty":      "",
		"prose":      "not a key",
		"cut":        string(text[:len(text)/2]),
		"two":        string(text) + string(text),
		"other type": strings.ReplaceAll(string(text), "PRIVATE", "PUBLIC"),
		"other body": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := softkey.Load(path); !errors.Is(err, softkey.ErrForm) {
			t.Errorf("%s: %v; want ErrForm", name, err)
		}
	}
	if _, err := softkey.Load(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v; want ErrNotExist", err)
	}
	if _, err := softkey.Load(dir); err == nil {
		t.Error("loaded a folder")
	}
}
