package gate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/proof"
	"countersign/internal/proof/oidc"
	"countersign/internal/reset"
	"countersign/internal/softkey"
	"countersign/internal/store"
)

// mosses is the session of somebody else.
func mosses(h *gatetest.House) gate.Owner {
	a, err := h.Directory.Find(h.T.Context(), gatetest.Moss)
	h.Must(err)
	return gate.Owner{Account: a.ID, Person: a.Person, By: proof.OIDC, Since: h.Now()}
}

// alter changes what the directory says of Wren.
func alter(h *gatetest.House, change map[string]any) {
	h.T.Helper()
	a, err := h.Directory.Find(h.T.Context(), gatetest.Wren)
	h.Must(err)
	item, err := h.Store.Item(h.T.Context(), "local_account", a.ID.Object(), h.Now())
	h.Must(err)
	var record map[string]any
	h.Must(json.Unmarshal(item.Value, &record))
	for k, v := range change {
		record[k] = v
	}
	item.Value, err = json.Marshal(record)
	h.Must(err)
	h.Must(h.Store.Change(h.T.Context(), store.ItemChange{Item: item, Expect: item.Version}))
}

// keyed is Wren's session, opened with a passkey.
func keyed(h *gatetest.House) (gate.Owner, softkey.Key, gate.Added) {
	h.T.Helper()
	key, added := ownPasskey(h, "laptop")
	challenge := []byte("a challenge of thirty-two bytes!")
	o, err := h.Gate.OwnerByPasskey(h.T.Context(), challenge, assertWith(h, key, challenge))
	h.Must(err)
	return o, key, added
}

// everyVerb tries all that an owner can do.
func everyVerb(h *gatetest.House, o gate.Owner, begun string) map[string]error {
	ctx, out := h.T.Context(), map[string]error{}
	_, out["look"] = h.Gate.Mine(ctx, o)
	_, out["add a passkey"] = h.Gate.AddPasskey(ctx, o, "x")
	_, out["confirm a passkey"] = h.Gate.ConfirmPasskey(ctx, o, begun, []byte("{}"))
	_, out["add an app"] = h.Gate.AddTOTP(ctx, o, "x")
	_, out["add a code"] = h.Gate.AddRecoveryCode(ctx, o)
	_, out["add an address"] = h.Gate.AddAddress(ctx, o, proof.EmailCode, "x@private.example", "")
	_, out["add a colleague"] = h.Gate.AddColleague(ctx, o, gatetest.Moss)
	_, out["confirm"] = h.Gate.Confirm(ctx, o, begun, "000000")
	out["remove"] = h.Gate.Remove(ctx, o, begun)
	return out
}

func TestASessionHoldsNoLongerThanWhatItRestsOn(t *testing.T) {
	for name, end := range map[string]func(h *gatetest.House, o *gate.Owner, added gate.Added){
		"the account was disabled":       func(h *gatetest.House, _ *gate.Owner, _ gate.Added) { alter(h, map[string]any{"disabled": true}) },
		"the account is somebody else's": func(h *gatetest.House, _ *gate.Owner, _ gate.Added) { alter(h, map[string]any{"person": "corp:heron"}) },
		"the account is gone":            func(_ *gatetest.House, o *gate.Owner, _ gate.Added) { o.Account = "corp/00000000" },
		"the passkey was removed": func(h *gatetest.House, _ *gate.Owner, added gate.Added) {
			h.Must(h.Gate.Remove(h.T.Context(), wrens(h), added.Enrolment))
		},
		"the passkey is somebody else's": func(h *gatetest.House, o *gate.Owner, _ gate.Added) { o.Key = []byte("of nobody here") },
	} {
		t.Run(name, func(t *testing.T) {
			h := gatetest.New(t, gatetest.Policy)
			o, key, added := keyed(h)
			b, err := h.Gate.AddTOTP(t.Context(), o, "app")
			h.Must(err)
			end(h, &o, added)
			for verb, err := range everyVerb(h, o, b.Enrolment) {
				if code(err) != "session_unknown" {
					t.Errorf("%s: %v", verb, err)
				}
			}
			if strings.HasPrefix(name, "the account was") || strings.HasSuffix(name, "removed") {
				challenge := []byte("a challenge of thirty-two bytes!")
				if _, err := h.Gate.OwnerByPasskey(t.Context(), challenge, assertWith(h, key, challenge)); code(err) != "sign_in_refused" {
					t.Errorf("and signing in again: %v", err)
				}
			}
		})
	}
}

func TestWhatSomebodyElseBeganCannotBeConfirmed(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	key := h.NewKey()
	b, err := h.Gate.AddPasskey(t.Context(), wrens(h), "laptop")
	h.Must(err)
	response, err := key.Register("localhost", gatetest.Origin, b.Options.Challenge)
	h.Must(err)
	if _, err := h.Gate.ConfirmPasskey(t.Context(), mosses(h), b.Enrolment, response); code(err) != "not_found" {
		t.Errorf("Moss confirms Wren's: %v", err)
	}
	if _, err := h.Gate.Confirm(t.Context(), wrens(h), b.Enrolment, "00000000"); code(err) != "answer_refused" {
		t.Errorf("a passkey confirmed by a code: %v", err)
	}
	_, err = h.Gate.ConfirmPasskey(t.Context(), wrens(h), b.Enrolment, response)
	h.Must(err)
	if _, err := h.Gate.ConfirmPasskey(t.Context(), wrens(h), b.Enrolment, response); code(err) != "not_found" {
		t.Errorf("the same answer again: %v", err)
	}
	// The same key, begun anew by somebody else, stays whose it is.
	b, err = h.Gate.AddPasskey(t.Context(), mosses(h), "mine now")
	h.Must(err)
	response, err = key.Register("localhost", gatetest.Origin, b.Options.Challenge)
	h.Must(err)
	if _, err := h.Gate.ConfirmPasskey(t.Context(), mosses(h), b.Enrolment, response); err == nil {
		t.Error("a passkey was taken over")
	}
}

func TestManyGuessesAtOnceAreNoMoreThanOneAfterTheOther(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	o := wrens(h)
	b, err := h.Gate.AddAddress(t.Context(), o, proof.EmailCode, "new@private.example", "")
	h.Must(err)
	var all sync.WaitGroup
	var mu sync.Mutex
	looked := 0
	for n := range 40 {
		all.Go(func() {
			_, err := h.Gate.Confirm(t.Context(), o, b.Enrolment, fmt.Sprintf("%08d", n))
			mu.Lock()
			defer mu.Unlock()
			if code(err) == "answer_refused" {
				looked++
			}
		})
	}
	all.Wait()
	if looked > 5 {
		t.Errorf("%d codes were compared", looked)
	}
	for range 6 {
		_, err = h.Gate.Confirm(t.Context(), o, b.Enrolment, "00000000")
	}
	if code(err) != "not_found" {
		t.Errorf("after that: %v", err)
	}
	m := regexp.MustCompile(`\b(\d{4}) (\d{4})\b`).FindStringSubmatch(h.Letters("", "new@private.example")[0])
	if _, err := h.Gate.Confirm(t.Context(), o, b.Enrolment, m[1]+m[2]); code(err) != "not_found" {
		t.Errorf("the right one, too late: %v", err)
	}
}

func TestAStrangersMailboxIsNotFloodedWithCodes(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	add := func(o gate.Owner, address string) error {
		_, err := h.Gate.AddAddress(t.Context(), o, proof.RecoveryContact, address, "")
		return err
	}
	for n, address := range []string{"dove@elsewhere.example", "Dove@elsewhere.example", "dove+1@elsewhere.example", "DOVE@ELSEWHERE.example", "dove+a+b@elsewhere.example"} {
		who := []gate.Owner{wrens(h), mosses(h)}[n%2]
		h.Must(add(who, address))
	}
	for _, o := range []gate.Owner{wrens(h), mosses(h)} {
		if err := add(o, "dove+6@elsewhere.example"); code(err) != reset.TooMany {
			t.Errorf("the sixth within a day: %v", err)
		}
	}
	h.Must(add(wrens(h), "lark@elsewhere.example")) // others hear as before
	h.Pass(24 * time.Hour)
	h.Must(add(wrens(h), "dove@elsewhere.example"))
	h.NoSecret("dove@elsewhere.example")
}

func TestOnePersonNamesNotEverybody(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	sent, last := 0, error(nil)
	for n := range 60 {
		b, err := h.Gate.AddAddress(t.Context(), wrens(h), proof.EmailCode, fmt.Sprintf("a%d@elsewhere.example", n), "")
		if last = err; err == nil {
			sent++
			for range 6 { // what is spoilt makes no room for more
				_, _ = h.Gate.Confirm(t.Context(), wrens(h), b.Enrolment, "00000000")
			}
		}
	}
	if sent > 20 || code(last) != reset.TooMany {
		t.Errorf("%d codes were sent: %v", sent, last)
	}
}

func TestAddressesWithTricksAreRefused(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for _, address := range []string{"", "x", "a@b@c.example", "a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example", "Wren <a@b.example>", "<a@b.example>",
		`"a b"@c.example`, "a@b.example ", "a\u200b@b.example", "\u202emoc@b.example", "a(comment)@b.example", "a@[127.0.0.1]", strings.Repeat("a", 300) + "@b.example"} {
		for _, m := range []proof.Method{proof.EmailCode, proof.RecoveryContact} {
			if _, err := h.Gate.AddAddress(t.Context(), wrens(h), m, address, ""); code(err) != "invalid" {
				t.Errorf("%s %q: %v", m, address, err)
			}
		}
	}
	for _, number := range []string{"", "112", "+", "0155500100", "+1555010x", "+1 555 0100;ext=1", "tel:+15550100", "+٣٣١٢٣٤٥٦٧٨", "+999999999999999999"} {
		if _, err := h.Gate.AddAddress(t.Context(), wrens(h), proof.SMSCode, number, ""); code(err) != "invalid" {
			t.Errorf("%q: %v", number, err)
		}
	}
	for _, m := range []proof.Method{proof.Passkey, proof.Callback, "", "nonsense"} {
		if _, err := h.Gate.AddAddress(t.Context(), wrens(h), m, "a@b.example", ""); code(err) != "invalid" {
			t.Errorf("%s: %v", m, err)
		}
	}
	for _, label := range []string{"two\nlines", "\u202egnihtyna", "zero\u200bwidth", strings.Repeat("x", 61), "e\u0301"} {
		if _, err := h.Gate.AddPasskey(t.Context(), wrens(h), label); code(err) != "invalid" {
			t.Errorf("the label %q: %v", label, err)
		}
	}
}

func TestThereIsAnEndToWhatOnePersonRegisters(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	o := wrens(h)
	b, err := h.Gate.AddPasskey(t.Context(), o, "begun in time")
	h.Must(err)
	for range 40 {
		_, err := h.Gate.AddColleague(t.Context(), o, gatetest.Moss)
		h.Must(err)
	}
	response, err := h.NewKey().Register("localhost", gatetest.Origin, b.Options.Challenge)
	h.Must(err)
	if _, err := h.Gate.ConfirmPasskey(t.Context(), o, b.Enrolment, response); code(err) != "invalid" {
		t.Errorf("the 41st, begun before: %v", err)
	}
	mine, err := h.Gate.Mine(t.Context(), o)
	h.Must(err)
	if len(mine.Factors) != 40 {
		t.Errorf("%d are on record", len(mine.Factors))
	}
	h.Must(h.Gate.Remove(t.Context(), o, mine.Factors[0].ID))
	if _, err := h.Gate.ConfirmPasskey(t.Context(), o, b.Enrolment, response); err != nil {
		t.Errorf("when there is room: %v", err)
	}
}

func TestAFactorDoesNotFollowTheAccountToItsNextOwner(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, key, _ := keyed(h)
	alter(h, map[string]any{"person": "corp:heron"})
	challenge := []byte("a challenge of thirty-two bytes!")
	if _, err := h.Gate.OwnerByPasskey(t.Context(), challenge, assertWith(h, key, challenge)); code(err) != "sign_in_refused" {
		t.Errorf("the one before signs in: %v", err)
	}
	next := wrens(h)
	mine, err := h.Gate.Mine(t.Context(), next)
	h.Must(err)
	if next.Person != "corp:heron" || len(mine.Factors) != 0 {
		t.Errorf("%s sees %+v", next.Person, mine.Factors)
	}
}

func TestDisowningForgetsWhatWasBegunAndTellsSecurityOnce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	key, added := ownPasskey(h, "not mine")
	o := wrens(h)
	b, err := h.Gate.AddTOTP(t.Context(), o, "nor this")
	h.Must(err)
	link := regexp.MustCompile(`/not-mine/(\S+)`).FindStringSubmatch(h.Letters("", gatetest.WrensMail)[0])[1]
	for range 3 {
		got, err := h.Gate.Disown(t.Context(), link)
		h.Must(err)
		if got != (gate.Disowned{Account: o.Account, Method: proof.Passkey}) {
			t.Errorf("it answers %+v", got)
		}
	}
	h.Pass(time.Second)
	if _, err := h.Gate.Confirm(t.Context(), wrens(h), b.Enrolment, "000000"); code(err) != "not_found" {
		t.Errorf("what was begun: %v", err)
	}
	challenge := []byte("a challenge of thirty-two bytes!")
	if _, err := h.Gate.OwnerByPasskey(t.Context(), challenge, assertWith(h, key, challenge)); code(err) != "sign_in_refused" {
		t.Errorf("%s signs in: %v", added.Enrolment, err)
	}
	if got := h.Letters("", "soc@corp.example"); len(got) != 1 {
		t.Errorf("security heard %q", got)
	}
	if _, err := h.Gate.Disown(t.Context(), "dis_unknown"); code(err) != "not_found" {
		t.Errorf("an unknown link: %v", err)
	}
}

func TestDisowningARemovalPutsNothingBack(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, added := ownPasskey(h, "laptop")
	h.Must(h.Gate.Remove(t.Context(), wrens(h), added.Enrolment))
	letters := h.Letters("", gatetest.WrensMail)
	link := regexp.MustCompile(`/not-mine/(\S+)`).FindStringSubmatch(letters[len(letters)-1])[1]
	got, err := h.Gate.Disown(t.Context(), link)
	h.Must(err)
	if !got.Removal {
		t.Errorf("it answers %+v", got)
	}
	h.Pass(time.Second)
	mine, err := h.Gate.Mine(t.Context(), wrens(h))
	h.Must(err)
	if len(mine.Factors) != 0 {
		t.Errorf("on record: %+v", mine.Factors)
	}
}

func TestASignInAtTheProviderOpensOnesOwnAccountAlone(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for name, c := range map[string]struct {
		change func(c *oidc.Claims)
		ok     bool
	}{
		"as asked":            {func(*oidc.Claims) {}, true},
		"by the mailbox":      {func(c *oidc.Claims) { c.Fields["preferred_username"] = "wren@corp.example" }, false}, // the local directory finds logins alone
		"with other capitals": {func(c *oidc.Claims) { c.Fields["preferred_username"] = "WREN" }, true},
		"with a password":     {func(c *oidc.Claims) { c.ACR, c.AMR = "", []string{"pwd"} }, false},
		"from before":         {func(c *oidc.Claims) { c.AuthTime = h.Now().Add(-time.Hour) }, false},
		"without a time":      {func(c *oidc.Claims) { c.AuthTime = time.Time{} }, false},
		"of another issuer":   {func(c *oidc.Claims) { c.Issuer = "https://evil.example" }, false},
		"of nobody":           {func(c *oidc.Claims) { c.Fields["preferred_username"] = "" }, false},
		"of a stranger":       {func(c *oidc.Claims) { c.Fields["preferred_username"] = "heron" }, false},
		"by a private mail":   {func(c *oidc.Claims) { c.Fields["preferred_username"] = gatetest.WrensMail }, false},
		"with a trick":        {func(c *oidc.Claims) { c.Fields["preferred_username"] = "wren\u200b" }, false},
	} {
		claims := h.SignedIn(gatetest.Wren)
		c.change(&claims)
		o, err := h.Gate.OwnerBySignIn(t.Context(), claims, h.Now())
		if c.ok && (err != nil || o.Person != h.Person(gatetest.Wren) || o.By != proof.OIDC) || !c.ok && code(err) != "sign_in_refused" {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	alter(h, map[string]any{"disabled": true})
	if _, err := h.Gate.OwnerBySignIn(t.Context(), h.SignedIn(gatetest.Wren), h.Now()); code(err) != "sign_in_refused" {
		t.Errorf("of a disabled account: %v", err)
	}
}

// What is disowned goes at once, also when the directory cannot say whom else
// to tell, and with it every session of the person's, whichever of their
// accounts it was opened for.
func TestDisowningWorksWhileTheDirectoryIsDown(t *testing.T) {
	w := watchedHouseOf(t)
	h := w.House
	other, err := h.Directory.Add(t.Context(), local.NewAccount{Login: "wren-adm", Name: "Wren Ito", Person: h.Person(gatetest.Wren), Password: gatetest.FirstPassword})
	h.Must(err)
	thief := gate.Owner{Account: other, Person: h.Person(gatetest.Wren), By: proof.OIDC, Since: h.Now()}
	_, err = h.Gate.AddRecoveryCode(t.Context(), wrens(h))
	h.Must(err)
	link := regexp.MustCompile(`/not-mine/(\S+)`).FindStringSubmatch(h.Letters("", gatetest.WrensMail)[0])[1]
	w.dir.err = errors.New("dial: refused")
	_, err = w.door.Disown(t.Context(), link)
	h.Must(err)
	if _, err := h.Gate.AddRecoveryCode(t.Context(), thief); code(err) != "session_unknown" {
		t.Errorf("a session of the other account: %v", err)
	}
	h.Pass(time.Second)
	if mine, err := h.Gate.Mine(t.Context(), wrens(h)); err != nil || len(mine.Factors) != 0 {
		t.Errorf("what was disowned stands: %+v, %v", mine.Factors, err)
	}
}

func TestAClockThatIsSetBackKeepsNoProofFresh(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	o := wrens(h)
	h.Pass(-6 * time.Hour)
	if _, err := h.Gate.AddPasskey(t.Context(), o, "x"); code(err) != "proof_too_old" {
		t.Errorf("a proof of six hours from now: %v", err)
	}
	h.Pass(6 * time.Hour)
	_, err := h.Gate.AddPasskey(t.Context(), o, "x")
	h.Must(err)
}

// Who may name colleagues does not read the directory by it.
func TestAnOwnerDoesNotEnumerateTheDirectory(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	answered := 0
	for n := range 100 {
		_, err := h.Gate.AddColleague(t.Context(), wrens(h), fmt.Sprintf("guess%d", n))
		switch code(err) {
		case "not_found":
			answered++
		case reset.TooMany:
		default:
			t.Fatal(err)
		}
	}
	if answered != 60 {
		t.Errorf("%d guesses were answered", answered)
	}
	if _, err := h.Gate.AddColleague(t.Context(), wrens(h), gatetest.Moss); code(err) != reset.TooMany {
		t.Errorf("a right one: %v", err)
	}
	h.Pass(24 * time.Hour)
	_, err := h.Gate.AddColleague(t.Context(), wrens(h), gatetest.Moss)
	h.Must(err)
}

// A flood of news would bury the one that matters. What it told of can be
// disowned all the same.
func TestThereIsAnEndToChangesAndNoneToDisowningThem(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	done := 0
	for {
		added, err := h.Gate.AddRecoveryCode(t.Context(), wrens(h))
		if code(err) == reset.TooMany {
			break
		}
		h.Must(err)
		if done++; done > 100 {
			t.Fatal("there is no end")
		}
		if err := h.Gate.Remove(t.Context(), wrens(h), added.Enrolment); code(err) == reset.TooMany {
			break
		} else {
			h.Must(err)
		}
		done++
	}
	if done != 60 {
		t.Errorf("%d changes", done)
	}
	letters := h.Letters("", gatetest.WrensMail)
	_, err := h.Gate.Disown(t.Context(), regexp.MustCompile(`/not-mine/(\S+)`).FindStringSubmatch(letters[len(letters)-1])[1])
	h.Must(err)
}
