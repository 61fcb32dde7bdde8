package evidence_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"countersign/internal/evidence"
)

func TestAReportEndsWithItsVerdict(t *testing.T) {
	good := evidence.Report{Verdict: evidence.Allowed, Request: "req_1", Steps: []evidence.Step{
		{Name: "checkpoint", OK: true, Detail: "signed by log.example, 9 entries"}, {Name: "order", OK: true, Detail: "done"}}}
	want := "request req_1\n\n  ok checkpoint  signed by log.example, 9 entries\n  ok order       done\n\nallowed\n"
	if got := good.Text(evidence.Style{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := good.Text(evidence.Style{Marks: true}); !strings.Contains(got, "\n  ✓ order       done\n") {
		t.Errorf("with marks:\n%s", got)
	}
	bad := good
	bad.Verdict = evidence.NotAllowed
	bad.Steps = append(bad.Steps, evidence.Step{Name: "replay", Detail: "entry 4: forged"})
	if got := bad.Text(evidence.Style{}); !strings.HasSuffix(got, "  NO replay      entry 4: forged\n\nnot allowed: replay: entry 4: forged\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestLongReasonsHangUnderTheirStep(t *testing.T) {
	r := evidence.Report{Steps: []evidence.Step{{Name: "replay", OK: true, Detail: strings.Repeat("word ", 60)}}}
	for _, line := range strings.Split(r.Text(evidence.Style{}), "\n") {
		if len(line) > 92 || strings.HasPrefix(line, "word") {
			t.Errorf("line %q", line)
		}
	}
}

// A bundle is somebody else's file: nothing it says may steer the terminal.
func TestNoReportSteersATerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := evidence.Report{
			Verdict: evidence.NotAllowed, Request: rapid.String().Draw(t, "request"),
			Steps: []evidence.Step{{Name: "replay", Detail: rapid.String().Draw(t, "detail")}},
		}
		for _, c := range r.Text(evidence.Style{}) {
			if c != '\n' && unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) {
				t.Fatalf("%U in the text", c)
			}
		}
		if n := strings.Count(r.Text(evidence.Style{}), "\nnot allowed: "); n != 1 {
			t.Fatalf("%d verdicts", n)
		}
	})
}

func TestWithoutReadableFilesNothingIsSaid(t *testing.T) {
	const key = "log.example+1234abcd+AQID"
	for _, bad := range [][3]string{{"{}", "nonsense", "{}"}, {"{}", key, "{}"}, {"", "", ""}} {
		if r, err := evidence.VerifyFiles([]byte(bad[0]), []byte(bad[1]), []byte(bad[2]), time.Unix(0, 0)); err == nil {
			t.Errorf("%v: said %q", bad, r.Verdict)
		}
	}
}
