package console

import (
	"strings"
	"testing"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/recoverycode"
	"countersign/internal/reset"
)

func TestEveryWordOfTheCodeHasAPlainOne(t *testing.T) {
	for _, s := range proof.Specs {
		if _, ok := methodWords[s.Method]; !ok {
			t.Errorf("no words for the method %s", s.Method)
		}
		if w := suits(s.Method); !strings.HasSuffix(w, ".") || strings.Contains(w, "For who ") {
			t.Errorf("%s: %q", s.Method, w)
		}
		if _, ok := doingWords[s.Method]; !ok {
			t.Errorf("no words for what %s asks one to do", s.Method)
		}
	}
	for _, a := range identity.Actions {
		if _, ok := actionWords[a]; !ok {
			t.Errorf("no words for the action %s", a)
		}
	}
	for _, r := range identity.Roles {
		if _, ok := roleWords[r]; !ok {
			t.Errorf("no words for the role %s", r)
		}
	}
	for _, d := range reset.Documents {
		if _, ok := documentWords[d]; !ok {
			t.Errorf("no words for the document %s", d)
		}
	}
	for _, s := range append([]reset.Status{reset.Done, reset.Failed, reset.RefusedEnd, reset.Denied, reset.CancelledBy, reset.ExpiredEnd, reset.Vetoed}, reset.OpenStatuses...) {
		if _, ok := statusWords[s]; !ok {
			t.Errorf("no words for the status %s", s)
		}
	}
}

func TestAMethodThatThereIsNotSuitsNobody(t *testing.T) {
	if w := suits("voice_of_the_boss"); w != "" {
		t.Errorf("%q", w)
	}
}

func TestWhatIsWrongWithARecoveryCodeIsTranslated(t *testing.T) {
	for _, err := range []error{recoverycode.ErrForm, recoverycode.ErrTypo} {
		text := strings.TrimPrefix(err.Error(), "recoverycode: ") // as the gate puts it
		for _, tongue := range tongues[1:] {
			if said := tongue.say(spoken(text)); said == "" || said == sentence(text) {
				t.Errorf("%s says %q", tongue.Tag(), said)
			}
		}
	}
}
