package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/store"
	"countersign/internal/store/sqlite"
	"countersign/internal/store/storetest"
)

func TestTheFilesAreReadableByTheirOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if _, err := s.Commit(t.Context(), storetest.Commit("req_1", 0, 1)); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info.Mode(), err)
		}
	}
}

func TestTwoCannotWriteOneLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	first := open(t, path)
	_, err := sqlite.Open(t.Context(), options(t, path))
	if err == nil || !strings.Contains(err.Error(), "another process has this ledger open") {
		t.Fatalf("error %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestALedgerOpensOnlyUnderItsOwnNameAndKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	open(t, path).Close()
	other, otherKey := storetest.Keys(t, "ledger.example.test/other")
	// A second key of the same name: the name is the origin, the seed is not.
	renamed, renamedKey := sameName(t)
	for name, c := range map[string]struct {
		spoil func(*sqlite.Options)
		want  string
	}{
		"another origin": {func(o *sqlite.Options) {
			o.Origin, o.Signer, o.Verifier = "ledger.example.test/other", other, otherKey
		}, `holds the ledger of "ledger.example.test/main"`},
		"another key":           {func(o *sqlite.Options) { o.Signer, o.Verifier = renamed, renamedKey }, "signed with another key"},
		"keys that do not fit":  {func(o *sqlite.Options) { o.Signer = renamed }, "do not belong together"},
		"a key of another name": {func(o *sqlite.Options) { o.Signer = other }, "the ledger is"},
		"no signer":             {func(o *sqlite.Options) { o.Signer = nil }, "no key"},
		"no verifier":           {func(o *sqlite.Options) { o.Verifier = nil }, "no key"},
		"no origin":             {func(o *sqlite.Options) { o.Origin = "" }, "no origin"},
		"no path":               {func(o *sqlite.Options) { o.Path = "" }, "no path"},
		"no such folder":        {func(o *sqlite.Options) { o.Path = filepath.Join(path, "x", "y") }, ""},
	} {
		opt := options(t, path)
		c.spoil(&opt)
		if s, err := sqlite.Open(t.Context(), opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", name, err, c.want)
			if s != nil {
				s.Close()
			}
		}
	}
	open(t, path)
}

// ledgerOf600 makes a ledger of 600 entries in 6 streams with rows and closes
// it.
func ledgerOf600(t *testing.T) (path string) {
	path = filepath.Join(t.TempDir(), "ledger.db")
	s := open(t, path)
	for i := range 6 {
		c := storetest.Commit(fmt.Sprint("req_", i), 0, 100)
		c.Row = storetest.Row(c.Stream, 100)
		if _, err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// tamper changes the file behind the store's back.
func tamper(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range statements {
		if result, err := db.Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		} else if n, _ := result.RowsAffected(); n == 0 {
			t.Fatalf("%s changed nothing", query)
		}
	}
}

func TestWhatWasTamperedWithIsNamed(t *testing.T) {
	rewrite := func(seq int) string {
		return fmt.Sprintf(`UPDATE events SET leaf = CAST(replace(CAST(leaf AS TEXT), 'person/1', 'person/2') AS BLOB) WHERE seq = %d`, seq)
	}
	for name, c := range map[string]struct {
		statements []string
		opening    string // what Open says; "": it opens
		checking   string // what Check says
		sound      bool
	}{
		"nothing":                  {sound: true},
		"an actor rewritten":       {[]string{rewrite(17)}, "", "entry 17 (version 18 of stream \"req_0\") does not have the hash", false},
		"the last one rewritten":   {[]string{rewrite(599)}, "entry 599 does not have the hash", "entry 599", false},
		"a byte that breaks it":    {[]string{`UPDATE events SET leaf = CAST('x' || CAST(leaf AS TEXT) AS BLOB) WHERE seq = 300`}, "", "entry 300 cannot be read", false},
		"an entry deleted":         {[]string{`DELETE FROM events WHERE seq = 100`}, "599 events are stored", "entry 100 is missing", false},
		"the tail cut off":         {[]string{`DELETE FROM events WHERE seq >= 590`}, "590 events are stored, the last as entry 589", "entry 590 is missing", false},
		"an entry added":           {[]string{`INSERT INTO events SELECT 600, 'req_x', 1, leaf FROM events WHERE seq = 0`}, "601 events are stored", "", true},
		"two entries exchanged":    {[]string{`UPDATE events SET seq = -1 WHERE seq = 5`, `UPDATE events SET seq = 5 WHERE seq = 6`, `UPDATE events SET seq = 6 WHERE seq = -1`}, "", "entry 5 cannot be read", false},
		"a stream renamed":         {[]string{`UPDATE events SET stream = 'req_z' WHERE seq = 42`}, "", "filed under version 43 of stream \"req_z\"", false},
		"a hash changed":           {[]string{`UPDATE tiles SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE id = 1`}, "", "entry 256", false},
		"a hash on the edge":       {[]string{`UPDATE tiles SET hashes = CAST(substr(hashes, 1, length(hashes) - 32) || zeroblob(32) AS BLOB) WHERE id = 2`}, "root", "entry 599", false},
		"a tile deleted":           {[]string{`DELETE FROM tiles WHERE id = 1`}, "", "the stored hashes of entries 256 to 511", false},
		"an upper hash changed":    {[]string{`UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE id = 1 << 48`}, "root", "", true},
		"the head's size":          {[]string{`UPDATE head SET size = 599`}, "the head table says 599 entries", "", true},
		"the checkpoint":           {[]string{`UPDATE head SET note = CAST(replace(CAST(note AS TEXT), char(10) || '600' || char(10), char(10) || '599' || char(10)) AS BLOB)`}, "invalid signature", "the newest checkpoint", false},
		"the checkpoint deleted":   {[]string{`DELETE FROM head`}, "the head table says 0", "", false},
		"a row's status":           {[]string{`UPDATE requests SET status = 'closed' WHERE id = 'req_3'`}, "", `row "req_3" is not what its 100 entries say`, false},
		"a row's version":          {[]string{`UPDATE requests SET version = 200 WHERE id = 'req_3'`}, "", `row "req_3" is not`, false},
		"a row deleted":            {[]string{`DELETE FROM requests WHERE id = 'req_3'`}, "", `row "req_3" is missing`, false},
		"a row invented":           {[]string{`INSERT INTO requests SELECT 'req_9', subject, person, action, status, tier, desk, agent, 'x', opened, changed, version, state FROM requests LIMIT 1`}, "", `row "req_9" has no entries`, false},
		"a private value invented": {[]string{`INSERT INTO private VALUES (7, CAST('{"n":{"salt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","value":1}}' AS BLOB))`}, "", `entry 7 (version 8 of stream "req_0"): ledger: the private value of "n"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := ledgerOf600(t)
			tamper(t, path, append([]string{`UPDATE pings SET count = 0`}, c.statements...)...)
			if name == "the checkpoint deleted" {
				openSigned(t, path)
				return
			}
			inspect(t, path, c.checking, c.sound)
			s, err := sqlite.Open(t.Context(), options(t, path))
			if err == nil {
				s.Close()
			}
			if c.opening == "" && err != nil || c.opening != "" && (err == nil || !strings.Contains(err.Error(), c.opening)) {
				t.Errorf("opening: error %v does not say %q", err, c.opening)
			}
		})
	}
}

// openSigned opens a file whose checkpoint is gone: the empty one that Open
// signs for a new file must not be taken for the head of what is there.
func openSigned(t *testing.T, path string) {
	if _, err := sqlite.Open(t.Context(), options(t, path)); err == nil || !strings.Contains(err.Error(), "600 events are stored") {
		t.Errorf("error %v", err)
	}
}

// inspect checks a file that may be damaged and expects to be told.
func inspect(t *testing.T, path, want string, sound bool) {
	t.Helper()
	opt := options(t, path)
	opt.Inspect, opt.Signer = true, nil
	s, err := sqlite.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	report, err := store.Check(t.Context(), s, origin, verifiers(t), storetest.Fold)
	if err != nil || report.OK() != sound || !strings.Contains(strings.Join(report.Differences, "\n"), want) {
		t.Errorf("checking: %v, %+v does not say %q", err, report, want)
	}
	if _, err := s.Commit(t.Context(), storetest.Commit("req_new", 0, 1)); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a commit while inspecting: %v", err)
	}
}

func TestALedgerMayBeInspectedWhileItIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := open(t, path)
	c := storetest.Commit("req_1", 0, 3)
	c.Row = storetest.Row("req_1", 3)
	if _, err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	inspect(t, path, "", true)
	if _, err := s.Commit(t.Context(), storetest.Commit("req_1", 3, 1)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Path: path + "x", Origin: origin, Verifier: options(t, path).Verifier, Inspect: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("inspecting nothing: %v", err)
	}
}
