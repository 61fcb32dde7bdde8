package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the scripts damage a ledger behind the program's back

	"countersign/internal/client"
	"countersign/internal/softkey"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"countersign": func() { os.Exit(Main()) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			policy, err := os.ReadFile(filepath.Join("..", "..", "policies", "starter.yaml"))
			if err != nil {
				return err
			}
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, ".config"))
			e.Setenv("HOME", e.WorkDir)
			return os.WriteFile(filepath.Join(e.WorkDir, "starter.yaml"), policy, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"port":    port,
			"serving": serving,
			"json":    member,
			"sql":     damage,
			"flip":    flip,
			"tree":    tree,
			"settled": settled,
			"aged":    aged,
			"page":    page,
			"answers": answers,
		},
	})
}

// exits CODE COMMAND… runs a command that must end with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s ended with %d, not %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// port FILE… finds a free port, sets PORT, and writes it for @PORT@ in files.
func port(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, p, err := net.SplitHostPort(l.Addr().String())
	ts.Check(errors.Join(err, l.Close()))
	ts.Setenv("PORT", p)
	ts.Setenv("COUNTERSIGN_SERVER", "http://localhost:"+p)
	for _, f := range args {
		text := ts.ReadFile(f)
		ts.Check(os.WriteFile(ts.MkAbs(f), []byte(strings.ReplaceAll(text, "@PORT@", p)), 0o600))
	}
}

// serving waits until the server answers.
func serving(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		res, err := http.Get("http://localhost:" + ts.Getenv("PORT") + "/healthz")
		if err == nil {
			res.Body.Close()
			return
		}
		<-tick.C
	}
	ts.Fatalf("the server did not answer")
}

// json MEMBER NAME sets the environment variable NAME to a text member of the
// last command's JSON answer.
func member(ts *testscript.TestScript, _ bool, args []string) {
	out := ts.ReadFile("stdout")
	_, rest, found := strings.Cut(out, strconv.Quote(args[0])+": \"")
	value, _, ended := strings.Cut(rest, "\"")
	if !found || !ended {
		ts.Fatalf("no member %q in %s", args[0], out)
	}
	ts.Setenv(args[1], value)
}

// sql DATABASE STATEMENT changes exactly one row.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	res, err := db.Exec(args[1])
	ts.Check(err)
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		ts.Fatalf("%d rows were changed (%v)", n, err)
	}
}

// flip FILE TEXT changes the last byte of the first TEXT in a file.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	at := strings.Index(text, args[1])
	if at < 0 {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	raw := []byte(text)
	raw[at+len(args[1])-1]++
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

// tree DIR prints the files below a folder.
func tree(ts *testscript.TestScript, _ bool, args []string) {
	root := ts.MkAbs(args[0])
	ts.Check(filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(root, path)
			fmt.Fprintln(ts.Stdout(), filepath.ToSlash(rel))
		}
		return err
	}))
}

// settled REQUEST PASSKEY waits until the request has ended.
func settled(ts *testscript.TestScript, _ bool, args []string) {
	key, err := softkey.Load(ts.MkAbs(args[1]))
	ts.Check(err)
	c, err := client.New(ts.Getenv("COUNTERSIGN_SERVER"))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	session, err := c.SignIn(ctx, key)
	ts.Check(err)
	_, err = c.As(session.Token).Wait(ctx, args[0], func(r client.Request) bool { return !r.IsOpen() })
	ts.Check(err)
}

// aged DURATION lets real time pass: the server is another process with a
// clock of its own, and its shortest cool-off is a second.
func aged(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	<-time.NewTimer(d).C
}
