package house_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/ledger"
	"countersign/internal/statement"
)

// docs/evidence.md teaches how to check a ledger without our code. Its small
// example is computed here with a hash function and a signature alone, and
// then held against what the packages make of the same.
func TestTheBytesThatThePageShowsAreTheBytesWeWrite(t *testing.T) {
	raw, err := os.ReadFile("docs/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "<!-- computed -->\n```text\n")
	shown, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatal("docs/evidence.md has no computed example")
	}
	if want := byHand(t); shown != want {
		t.Errorf("the example computes to\n%s", want)
	}
}

func byHand(t *testing.T) string {
	var salt [32]byte
	for i := range salt {
		salt[i] = byte(i)
	}
	value := `"m.ito"`
	c := sha256.Sum256([]byte("countersign/commitment/v1\x00" + string(salt[:]) + value))
	commitment := "sha256:" + base64.RawURLEncoding.EncodeToString(c[:])
	same(t, commitment, ledger.PrivateValue{Salt: salt[:], Value: []byte(value)}.Commitment())

	leaves := []string{
		`{"actor":"staff:finch","at":"2026-03-05T09:00:00.000Z","body":{"action":"unlock","directory":"corp","login":"` + commitment +
			`"},"seq":0,"stream":"not_1","type":"missed","version":1}`,
		`{"actor":"staff:finch","at":"2026-03-05T09:00:01.000Z","body":{"by":"agent"},"seq":1,"stream":"req_1","type":"cancelled","version":7}`,
	}
	var hashes [2][32]byte
	for i, l := range leaves {
		hashes[i] = sha256.Sum256([]byte("\x00" + l))
		parsed, err := ledger.ParseLeaf([]byte(l))
		if err != nil {
			t.Fatal(err)
		}
		same(t, base64.StdEncoding.EncodeToString(hashes[i][:]), parsed.Hash().String())
	}
	root := sha256.Sum256([]byte("\x01" + string(hashes[0][:]) + string(hashes[1][:])))
	if err := ledger.CheckInclusion([]ledger.Hash{hashes[0]}, 2, root, 1, hashes[1]); err != nil {
		t.Error(err)
	}
	vkey, signed := signByHand(t, "log.example/ledger", root)

	text := "countersign/denial/v1\nrequest: req_1\ncase: K7QW-M2XD\n"
	challenge := sha256.Sum256([]byte(text))
	id := base64.RawURLEncoding.EncodeToString(challenge[:])
	made, err := statement.New("denial", []statement.Line{{Name: "request", Value: "req_1"}, {Name: "case", Value: "K7QW-M2XD"}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, text+id, string(made)+made.ID())

	var b strings.Builder
	fmt.Fprintf(&b, "commitment   %s\n", commitment)
	for i, l := range leaves {
		fmt.Fprintf(&b, "leaf %d       %s\nits hash     %s\n", i, l, base64.StdEncoding.EncodeToString(hashes[i][:]))
	}
	fmt.Fprintf(&b, "root         %s\nlog.vkey     %s\n\n%s\n%s\nstatement_id %s\n", base64.StdEncoding.EncodeToString(root[:]), vkey, signed, text, id)
	return b.String()
}

// signByHand writes a checkpoint over two leaves as a C2SP signed note, with an
// Ed25519 key whose seed is 32 ones.
func signByHand(t *testing.T, origin string, root [32]byte) (vkey, signed string) {
	seed := []byte(strings.Repeat("\x01", 32))
	key := ed25519.NewKeyFromSeed(seed)
	public := "\x01" + string(key.Public().(ed25519.PublicKey)) // 1: the algorithm
	h := sha256.Sum256([]byte(origin + "\n" + public))
	body := origin + "\n2\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
	signature := string(h[:4]) + string(ed25519.Sign(key, []byte(body)))
	signed = body + "\n— " + origin + " " + base64.StdEncoding.EncodeToString([]byte(signature)) + "\n"
	id := binary.BigEndian.Uint32(h[:4])
	vkey = fmt.Sprintf("%s+%08x+%s", origin, id, base64.StdEncoding.EncodeToString([]byte(public)))

	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, id, base64.StdEncoding.EncodeToString([]byte("\x01"+string(seed)))))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ledger.Sign(ledger.Checkpoint{Origin: origin, Size: 2, Root: root}, signer)
	if err != nil {
		t.Fatal(err)
	}
	same(t, signed, string(ours))
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.ParseCheckpoint(origin, []byte(signed), note.VerifierList(v)); err != nil {
		t.Error(err)
	}
	return vkey, signed
}

func same(t *testing.T, byHand, ours string) {
	t.Helper()
	if byHand != ours {
		t.Errorf("by hand %q, ours %q", byHand, ours)
	}
}
