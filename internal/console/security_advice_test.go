package console

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"rsc.io/qr"

	"countersign/internal/gate"
	"countersign/internal/proof"
)

func having(methods ...proof.Method) gate.Security {
	v := gate.Security{}
	for _, m := range methods {
		v.Factors = append(v.Factors, gate.FactorView{Method: m})
	}
	return v
}

func TestWhatIsSaidOfWhatSomebodyHas(t *testing.T) {
	phone, mail, own := gate.ContactView{Kind: "phone"}, gate.ContactView{Kind: "email"}, gate.ContactView{Kind: "email", Own: true}
	for _, c := range []struct {
		methods  []proof.Method
		contacts []gate.ContactView
		title    string
	}{
		{nil, nil, "Nothing is registered yet"},
		{nil, []gate.ContactView{own}, "Nothing is registered yet"},
		{nil, []gate.ContactView{own, phone}, "Only a telephone number"},
		{nil, []gate.ContactView{mail}, "Only addresses"},
		{[]proof.Method{proof.SMSCode}, nil, "Only a telephone number"},
		{[]proof.Method{proof.SMSCode, proof.EmailCode}, nil, "Only addresses"},
		{[]proof.Method{proof.Passkey}, []gate.ContactView{mail, phone}, "There is only one way back"},
		{[]proof.Method{proof.RecoveryCode}, nil, "There is only one way back"},
		{[]proof.Method{proof.Passkey, proof.TOTP}, nil, "All of it may be lost together"},
		{[]proof.Method{proof.Device, proof.TOTP, proof.SMSCode}, nil, "All of it may be lost together"},
		{[]proof.Method{proof.Passkey, proof.Passkey}, nil, "not lost together"},
		{[]proof.Method{proof.TOTP, proof.RecoveryCode}, nil, "not lost together"},
		{[]proof.Method{proof.RecoveryContact, proof.RecoveryCode}, nil, "not lost together"},
		{[]proof.Method{proof.Passkey, proof.Vouch}, nil, "not lost together"},
	} {
		v := having(c.methods...)
		v.Contacts = c.contacts
		if a := adviceOn(v); !strings.Contains(a.Title.String(), c.title) || a.Good != strings.Contains(c.title, "not lost") {
			t.Errorf("%v and %v: %+v", c.methods, c.contacts, a)
		}
	}
	closed := having(proof.Passkey, proof.RecoveryCode)
	closed.Factors[1].Closed = true
	if a := adviceOn(closed); a.Good {
		t.Error("a closed code counts")
	}
}

// One more never makes it worse, and numbers and mailboxes never make it good.
func TestMoreIsNeverWorse(t *testing.T) {
	all := []proof.Method{proof.Passkey, proof.TOTP, proof.RecoveryCode, proof.EmailCode, proof.SMSCode, proof.RecoveryContact, proof.Vouch, proof.Device, proof.IDV}
	rapid.Check(t, func(t *rapid.T) {
		have := rapid.SliceOfN(rapid.SampledFrom(all), 0, 8).Draw(t, "have")
		one := rapid.SampledFrom(all).Draw(t, "one")
		before, after := adviceOn(having(have...)), adviceOn(having(append(have, one)...))
		if before.Good && !after.Good {
			t.Fatalf("%v is good, and not with %s", have, one)
		}
		if (one == proof.SMSCode || one == proof.EmailCode) && after.Good != before.Good {
			t.Fatalf("%s makes %v good", one, have)
		}
	})
}

// What is drawn is what was encoded, module by module.
func TestTheDrawingIsTheCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := "otpauth://totp/" + rapid.StringMatching(`[ -~]{0,120}`).Draw(t, "text")
		want, err := qr.Encode(text, qr.M)
		if err != nil {
			t.Skip(err)
		}
		got, err := drawQR(text)
		if err != nil {
			t.Fatal(err)
		}
		dark := map[[2]int]bool{}
		for _, run := range strings.Split(strings.TrimSuffix(got.Path, "z"), "z") {
			x, y, n := runOf(t, run)
			for i := range n {
				dark[[2]int{x + i, y}] = true
			}
		}
		for y := range got.Size {
			for x := range got.Size {
				if dark[[2]int{x, y}] != want.Black(x-quiet, y-quiet) {
					t.Fatalf("the module at %d, %d", x, y)
				}
			}
		}
	})
}

func runOf(t *rapid.T, run string) (x, y, n int) {
	var back int
	if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || back != n {
		t.Fatalf("%q: %v", run, err)
	}
	return x, y, n
}
