package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// connect opens both pools and brings the tables up to date.
func (s *Store) connect(ctx context.Context) error {
	if err := makePrivate(s.opt.Path); err != nil {
		return err
	}
	var err error
	// page_size counts only for a new file and has to come before WAL mode. A
	// leaf of a few hundred bytes and a tile of 8 KiB both fit pages of 16 KiB
	// well. secure_delete overwrites what is forgotten.
	s.write, err = sql.Open("sqlite", dsn(s.opt.Path, "page_size(16384)", "journal_mode(WAL)", "synchronous(FULL)",
		"busy_timeout(10000)", "foreign_keys(1)", "secure_delete(1)", "cache_size(-32768)"))
	if err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err := s.migrate(ctx); err != nil {
		return err
	}
	return s.connectReaders()
}

func (s *Store) connectReaders() error {
	var err error
	s.read, err = sql.Open("sqlite", dsn(s.opt.Path, "query_only(1)", "busy_timeout(10000)", "cache_size(-8192)"))
	if err != nil {
		return err
	}
	s.read.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	s.read.SetMaxIdleConns(max(4, runtime.GOMAXPROCS(0)))
	return nil
}

// makePrivate makes the file before SQLite does, so that it never exists with
// wider permissions; SQLite gives its side files the same.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chmod(0o600)
}

func dsn(path string, pragmas ...string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	ours, err := goose.NewProvider(goose.DialectSQLite3, s.write, files, goose.WithTableName("migrations"))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := ours.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	rivers, err := rivermigrate.New(riversqlite.New(s.write), &rivermigrate.Config{Logger: s.opt.Logger})
	if err != nil {
		return fmt.Errorf("reading the migrations of the job queue: %w", err)
	}
	if _, err := rivers.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrating the job queue: %w", err)
	}
	return nil
}

// begin puts a new or reopened file into a state to work from: a signed head,
// no job that a dead process left running, statements ready.
func (s *Store) begin(ctx context.Context) error {
	var err error
	if s.jobs, err = river.NewClient(riversqlite.New(s.write), s.riverConfig()); err != nil {
		return fmt.Errorf("preparing the job queue: %w", err)
	}
	for _, query := range []string{releaseJobs, forgetLeader} {
		if _, err := s.write.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("releasing jobs: %w", err)
		}
	}
	if err := s.signEmpty(ctx); err != nil {
		return err
	}
	return s.st.prepare(ctx, s.write)
}
