package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

const testOrigin = "ledger.example.test/main"

// keys makes a signer and its verifier from a fixed seed.
func keys(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	skey, vkey, err := note.GenerateKey(bytes.NewReader(seed[:]), name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func testCheckpoint() Checkpoint {
	return Checkpoint{Origin: testOrigin, Size: 20852163, Root: sha256.Sum256([]byte("root"))}
}

func TestACheckpointHasTheTextOfTlogCheckpoint(t *testing.T) {
	want := testOrigin + "\n20852163\nSBNJTRN+FjG7owHVrKtue7eqdNUFO1YR2g+wGVR7fIo=\n"
	c := testCheckpoint()
	want = strings.Replace(want, "SBNJTRN+FjG7owHVrKtue7eqdNUFO1YR2g+wGVR7fIo=", base64.StdEncoding.EncodeToString(c.Root[:]), 1)
	if c.Text() != want {
		t.Errorf("got %q, want %q", c.Text(), want)
	}
}

func TestASignedCheckpointReadsBack(t *testing.T) {
	signer, verifier := keys(t, testOrigin)
	signed, err := Sign(testCheckpoint(), signer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseCheckpoint(testOrigin, signed, note.VerifierList(verifier))
	if err != nil || got != testCheckpoint() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSignRefusesAStrangersKeyAndAnOriginThatIsNoLine(t *testing.T) {
	stranger, _ := keys(t, "somebody.else")
	if _, err := Sign(testCheckpoint(), stranger); err == nil {
		t.Error("a stranger's key signed")
	}
	c := testCheckpoint()
	c.Size = maxInteger + 1
	signer, _ := keys(t, testOrigin)
	if _, err := Sign(c, signer); err == nil {
		t.Error("an impossible size was signed")
	}
	if _, err := Sign(Checkpoint{Origin: "a\n1"}, misnamed{signer, "a\n1"}); err == nil {
		t.Error("an origin with a line feed was signed")
	}
}

// misnamed is a signer that claims a name.
type misnamed struct {
	note.Signer
	name string
}

func (m misnamed) Name() string { return m.name }

func TestParseCheckpointTrustsOnlyTheOriginsOwnKey(t *testing.T) {
	signer, verifier := keys(t, testOrigin)
	witness, witnessKey := keys(t, "witness.example.test")
	_, unrelated := keys(t, "unrelated")
	sign := func(text string, by ...note.Signer) []byte {
		signed, err := note.Sign(&note.Note{Text: text}, by...)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	good := testCheckpoint().Text()
	all := note.VerifierList(verifier, witnessKey)
	root := strings.Split(good, "\n")[2]
	tampered := bytes.Replace(sign(good, signer), []byte("20852163"), []byte("20852164"), 1)
	for name, c := range map[string]struct {
		signed []byte
		known  note.Verifiers
	}{
		"signed by a witness only":   {sign(good, witness), all},
		"signed by nobody known":     {sign(good, signer), note.VerifierList(unrelated)},
		"changed after signing":      {tampered, all},
		"no signature":               {[]byte(good), all},
		"another origin":             {sign(strings.Replace(good, "main", "test", 1), signer), all},
		"an extension line":          {sign(good+"more\n", signer), all},
		"a size with a leading zero": {sign(testOrigin+"\n01\n"+root+"\n", signer), all},
		"a signed size":              {sign(testOrigin+"\n+1\n"+root+"\n", signer), all},
		"a size beyond 2^53":         {sign(testOrigin+"\n9007199254740992\n"+root+"\n", signer), all},
		"a root cut short":           {sign(testOrigin+"\n1\nAAAA\n", signer), all},
		"a root with loose bits":     {sign(testOrigin+"\n1\n"+strings.Repeat("A", 42)+"B=\n", signer), all},
		"no root":                    {sign(testOrigin+"\n1\n", signer), all},
	} {
		if got, err := ParseCheckpoint(testOrigin, c.signed, c.known); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
	if _, err := ParseCheckpoint(testOrigin, sign(good, signer, witness), note.VerifierList(verifier)); err != nil {
		t.Errorf("a cosignature by an unknown witness is in the way: %v", err)
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(testOrigin, uint64(7), []byte("abc"))
	f.Add("a b", uint64(0), []byte{})
	f.Fuzz(func(t *testing.T, origin string, size uint64, tail []byte) {
		signer, verifier := keys(t, testOrigin)
		text := origin + "\n" + strings.TrimLeft(string(tail), "\x00")
		if signed, err := note.Sign(&note.Note{Text: text}, signer); err == nil {
			c, err := ParseCheckpoint(testOrigin, signed, note.VerifierList(verifier))
			if err == nil && c.Text() != text {
				t.Fatalf("%q reads as %q", text, c.Text())
			}
		}
		signed, err := Sign(Checkpoint{Origin: testOrigin, Size: size % (maxInteger + 1), Root: sha256.Sum256(tail)}, signer)
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(len(tail), 4) {
			spoiled := bytes.Clone(signed)
			spoiled[int(tail[i])%len(strings.SplitAfter(string(signed), "\n\n")[0])] ^= 1 + tail[i]>>1
			if !bytes.Equal(spoiled, signed) {
				if _, err := ParseCheckpoint(testOrigin, spoiled, note.VerifierList(verifier)); err == nil {
					t.Fatalf("%q was accepted", spoiled)
				}
			}
		}
	})
}
