package lint

import (
	"slices"
	"strings"

	"countersign/internal/policy"
)

// Problems gives what Load says as findings.
func Problems(ps policy.Problems) []Finding {
	found := make([]Finding, len(ps))
	for i, p := range ps {
		code, msg := doesNotLoad, p.Msg
		switch asked, ok := unknownMethod(p); {
		case ok && isVoice(asked):
			code, msg = "voice-proof", "`"+asked+"` is no proof: voices are cloned"
		case ok && isKnowledge(asked):
			code, msg = "knowledge-proof", "`"+asked+"` is no proof: others know the answer too"
		case p.Path == "risk_analysis":
			code = "risk-analysis-missing"
		}
		k := kindOf(code)
		found[i] = Finding{Code: code, Severity: k.Severity, Line: p.Line, Column: p.Column, Path: p.Path, Section: k.Section, Message: msg}
		if code != doesNotLoad {
			found[i].Way = k.Way
		}
	}
	return found
}

// unknownMethod is what a formula asks for that is no method, nor a slip of
// the pen for one.
func unknownMethod(p policy.Problem) (string, bool) {
	rest, ok := strings.CutPrefix(p.Msg, `unknown proof method "`)
	word, _, _ := strings.Cut(rest, `"`)
	slip := strings.Contains(p.Msg, "did you mean")
	return strings.ToLower(word), ok && !slip && strings.HasSuffix(p.Path, ".proofs")
}

// A method that people make up for themselves is told by the words it is made of.
var (
	knowledgeWords = []string{"kba", "kbv", "knowledge", "question", "questions", "secret", "answer", "answers", "ssn", "social", "employee", "personnel",
		"staff", "badge", "dob", "birth", "birthday", "birthdate", "birthplace", "mother", "mothers", "maiden", "manager", "name", "last4",
		"pin", "password", "passphrase", "pet", "salary", "hire", "payroll", "know", "memorable"}
	voiceWords = []string{"voice", "voiceprint", "speaker", "speech"}
)

func isKnowledge(method string) bool { return madeOf(method, knowledgeWords) }

func isVoice(method string) bool { return madeOf(method, voiceWords) }

func madeOf(method string, words []string) bool {
	return slices.ContainsFunc(strings.Split(method, "_"), func(w string) bool { return slices.Contains(words, w) })
}
