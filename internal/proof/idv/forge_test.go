package idv_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"countersign/internal/proof/idv"
)

var sentinels = []error{
	idv.ErrForm, idv.ErrIssuer, idv.ErrKey, idv.ErrSignature, idv.ErrAudience, idv.ErrNonce, idv.ErrTime,
	idv.ErrPresentation, idv.ErrLevel, idv.ErrPerson,
}

// one reports whether err wraps exactly one sentinel.
func one(err error) bool {
	n := 0
	for _, s := range sentinels {
		if errors.Is(err, s) {
			n++
		}
	}
	return n == 1
}

func TestAForgedResultIsRefused(t *testing.T) {
	good := forged(t, header, claims)
	parts := strings.Split(good, ".")
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	text := parts[0] + "." + parts[1]
	hs := fields{"alg": "HS256", "kid": "k1"}
	mac := hmac.New(sha256.New, ed.Public().(ed25519.PublicKey))
	hsText := strings.Join(strings.Split(forged(t, hs, claims), ".")[:2], ".")
	mac.Write([]byte(hsText))
	member := string(body)
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"nothing":                            {"", idv.ErrForm},
		"two parts":                          {text, idv.ErrForm},
		"four parts":                         {good + ".x", idv.ErrForm},
		"no signature":                       {text + ".", idv.ErrForm},
		"padding":                            {good + "=", idv.ErrForm},
		"a line break":                       {parts[0] + "\n." + parts[1] + "." + parts[2], idv.ErrForm},
		"a space around":                     {" " + good, idv.ErrForm},
		"stray bits":                         {good[:len(good)-1] + string(stray(good[len(good)-1])), idv.ErrForm},
		"too long":                           {forged(t, header, claims.with("x", strings.Repeat("x", 16<<10))), idv.ErrForm},
		"the JSON form":                      {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, idv.ErrForm},
		"a header that is no object":         {raw(`[]`, member), idv.ErrForm},
		"a header that is null":              {raw(`null`, member), idv.ErrForm},
		"claims that are null":               {raw(`{"alg":"EdDSA"}`, `null`), idv.ErrForm},
		"claims followed by more":            {raw(`{"alg":"EdDSA"}`, member+`{}`), idv.ErrForm},
		"claims in bad UTF-8":                {raw(`{"alg":"EdDSA"}`, strings.Replace(member, "Mei", "M\xff", 1)), idv.ErrForm},
		"a claim that stands twice":          {raw(`{"alg":"EdDSA"}`, `{"nonce":"x",`+member[1:]), idv.ErrForm},
		"an algorithm that stands twice":     {raw(`{"alg":"none","alg":"EdDSA"}`, member), idv.ErrForm},
		"an extension":                       {forged(t, header.with("crit", []string{"b64"}).with("b64", false), claims), idv.ErrForm},
		"an empty list of extensions":        {forged(t, header.with("crit", []string{}), claims), idv.ErrForm},
		"another type":                       {forged(t, header.with("typ", "secevent"), claims), idv.ErrForm},
		"an empty type":                      {forged(t, header.with("typ", ""), claims), idv.ErrForm},
		"a type of another tree":             {forged(t, header.with("typ", "text/x+jwt"), claims), idv.ErrForm},
		"another issuer":                     {forged(t, header, claims.with("iss", "https://proofing.example.")), idv.ErrIssuer},
		"an issuer in other letters":         {forged(t, header, claims.with("iss", "https://PROOFING.example")), idv.ErrIssuer},
		"no issuer":                          {forged(t, header, claims.with("iss", nil)), idv.ErrIssuer},
		"an issuer that is a list":           {forged(t, header, claims.with("iss", []string{"https://proofing.example"})), idv.ErrForm},
		"no algorithm":                       {forged(t, header.with("alg", nil), claims), idv.ErrKey},
		"alg none":                           {forged(t, header.with("alg", "none"), claims), idv.ErrKey},
		"alg None":                           {forged(t, header.with("alg", "None"), claims), idv.ErrKey},
		"the public key as a shared one":     {hsText + "." + b64.EncodeToString(mac.Sum(nil)), idv.ErrKey},
		"another algorithm":                  {forged(t, header.with("alg", "ES256"), claims), idv.ErrKey},
		"the algorithm in other letters":     {forged(t, header.with("alg", "eddsa"), claims), idv.ErrKey},
		"another key's id":                   {forged(t, header.with("kid", "k2"), claims), idv.ErrKey},
		"a stranger's signature":             {text + "." + b64.EncodeToString(ed25519.Sign(stranger, []byte(text))), idv.ErrSignature},
		"a stranger's key brought along":     {broughtAlong(t, stranger, body), idv.ErrSignature},
		"another result's signature":         {text + "." + strings.Split(forged(t, header, claims.with("jti", "2")), ".")[2], idv.ErrSignature},
		"claims changed after signing":       {parts[0] + "." + strings.Split(forged(t, header, claims.with("sub", "x")), ".")[1] + "." + parts[2], idv.ErrSignature},
		"a short signature":                  {text + "." + b64.EncodeToString(make([]byte, 63)), idv.ErrSignature},
		"no audience":                        {forged(t, header, claims.with("aud", nil)), idv.ErrAudience},
		"another audience":                   {forged(t, header, claims.with("aud", "https://desk.example.org.evil.example")), idv.ErrAudience},
		"other audiences":                    {forged(t, header, claims.with("aud", []string{"a", "b"})), idv.ErrAudience},
		"an audience that is a number":       {forged(t, header, claims.with("aud", 1)), idv.ErrForm},
		"no nonce":                           {forged(t, header, claims.with("nonce", nil)), idv.ErrNonce},
		"another request's nonce":            {forged(t, header, claims.with("nonce", challenge+"x")), idv.ErrNonce},
		"a nonce that is null":               {forged(t, header, claims.with("nonce", json.RawMessage("null"))), idv.ErrForm},
		"no time":                            {forged(t, header, claims.with("iat", nil)), idv.ErrForm},
		"no expiry":                          {forged(t, header, claims.with("exp", nil)), idv.ErrForm},
		"an expiry that is null":             {forged(t, header, claims.with("exp", json.RawMessage("null"))), idv.ErrForm},
		"an expiry that is a text":           {forged(t, header, claims.with("exp", "2030-01-01")), idv.ErrForm},
		"an expiry beyond all time":          {forged(t, header, claims.with("exp", 1e300)), idv.ErrForm},
		"an expiry before all time":          {forged(t, header, claims.with("exp", -1)), idv.ErrForm},
		"a result from the future":           {forged(t, header, claims.with("iat", now.Add(61*time.Second).Unix())), idv.ErrTime},
		"an old result":                      {forged(t, header, claims.with("iat", now.Add(-16*time.Minute).Unix())), idv.ErrTime},
		"an expired result":                  {forged(t, header, claims.with("exp", now.Unix())), idv.ErrTime},
		"a result that is not yet valid":     {forged(t, header, claims.with("nbf", now.Add(2*time.Minute).Unix())), idv.ErrTime},
		"a result without a name of its own": {forged(t, header, claims.with("jti", nil)), idv.ErrForm},
		"an empty name of its own":           {forged(t, header, claims.with("jti", "")), idv.ErrForm},
		"no word on presence":                {forged(t, header, claims.with("pad", nil)), idv.ErrPresentation},
		"nobody present":                     {forged(t, header, claims.with("pad", false)), idv.ErrPresentation},
		"presence that is null":              {forged(t, header, claims.with("pad", json.RawMessage("null"))), idv.ErrPresentation},
		"presence that is a text":            {forged(t, header, claims.with("pad", "true")), idv.ErrForm},
		"no level":                           {forged(t, header, claims.with("ial", nil)), idv.ErrLevel},
		"a lower level":                      {forged(t, header, claims.with("ial", "IAL1")), idv.ErrLevel},
		"a level that is a number":           {forged(t, header, claims.with("ial", 2)), idv.ErrForm},
		"another person":                     {forged(t, header, claims.with("sub", "pat-18")), idv.ErrPerson},
		"a person in other letters":          {forged(t, header, claims.with("sub", "PAT-17")), idv.ErrPerson},
		"nobody":                             {forged(t, header, claims.with("sub", nil)), idv.ErrPerson},
	} {
		r, err := idv.Check([]idv.Issuer{provider(t)}, c.token, wanted, now)
		if !errors.Is(err, c.want) || !one(err) || r != (idv.Result{}) {
			t.Errorf("%s: %+v, %v; want %v alone", name, r, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "pat-1") || strings.Contains(err.Error(), challenge)) {
			t.Errorf("%s: the error repeats the token: %v", name, err)
		}
	}
	if _, err := idv.Check([]idv.Issuer{provider(t)}, good, wanted, now); err != nil {
		t.Errorf("and the good one: %v", err)
	}
}

// stray is another letter for the same last byte.
func stray(last byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, last)|1]
}

func broughtAlong(t *testing.T, stranger ed25519.PrivateKey, body []byte) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: stranger}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	return must(t, compact, err)
}

// A server that has lost its challenge, its audience or its issuers must not
// accept what was made for none.
func TestNothingMatchesNothing(t *testing.T) {
	for _, short := range []string{"", "x", challenge[:15]} {
		w := idv.Want{Challenge: short, Subject: "pat-17"}
		if _, err := idv.Check([]idv.Issuer{provider(t)}, forged(t, header, claims.with("nonce", short)), w, now); !errors.Is(err, idv.ErrNonce) {
			t.Errorf("a challenge of %d bytes: %v", len(short), err)
		}
	}
	deaf, nameless, keyless := provider(t), provider(t), provider(t)
	deaf.Audience, nameless.Name, keyless.Keys = "", "", nil
	for want, c := range map[error]struct {
		from []idv.Issuer
		says fields
	}{
		idv.ErrAudience: {[]idv.Issuer{deaf}, claims.with("aud", "")},
		idv.ErrIssuer:   {[]idv.Issuer{nameless}, claims.with("iss", "")},
		idv.ErrKey:      {[]idv.Issuer{keyless}, claims},
	} {
		if _, err := idv.Check(c.from, forged(t, header, c.says), wanted, now); !errors.Is(err, want) {
			t.Errorf("%v; want %v", err, want)
		}
	}
	if _, err := idv.Check(nil, forged(t, header, claims), wanted, now); !errors.Is(err, idv.ErrIssuer) {
		t.Errorf("no issuers: %v", err)
	}
}

// A provider may only speak for itself.
func TestOneProvidersKeyDoesNotSignForAnother(t *testing.T) {
	other := provider(t)
	other.Name, other.Keys = "https://other.example", keysOf(t, pemOf(t, p256().Public()))
	token := forged(t, header, claims.with("iss", "https://other.example"))
	if _, err := idv.Check([]idv.Issuer{provider(t), other}, token, wanted, now); !errors.Is(err, idv.ErrKey) {
		t.Errorf("%v; want ErrKey", err)
	}
}

func TestOnlyPublicKeysOfFourKindsAreRead(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]crypto.PublicKey, 33)
	for i := range many {
		many[i] = ed.Public()
	}
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"nothing":                 {nil, idv.ErrForm},
		"an empty set":            {setOf(t), idv.ErrForm},
		"a set of no form":        {[]byte(`{"keys":{}}`), idv.ErrForm},
		"two sets":                {bytes.Repeat(setOf(t, jose.JSONWebKey{Key: ed.Public()}), 2), idv.ErrForm},
		"keys that stand twice":   {[]byte(`{"keys":[],"keys":[]}`), idv.ErrForm},
		"two keys of one name":    {setOf(t, jose.JSONWebKey{Key: ed.Public(), KeyID: "a"}, jose.JSONWebKey{Key: p256().Public(), KeyID: "a"}), idv.ErrForm},
		"some text":               {[]byte("ssh-ed25519 AAAA"), idv.ErrForm},
		"text before the PEM":     {append([]byte("key:\n"), pemOf(t, ed.Public())...), idv.ErrForm},
		"a PEM private key":       {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), idv.ErrForm},
		"a PEM of nonsense":       {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), idv.ErrKey},
		"too many keys":           {pemOf(t, many...), idv.ErrForm},
		"too long a text":         {bytes.Repeat([]byte("x"), 256<<10+1), idv.ErrForm},
		"RSA of 1024 bits":        {pemOf(t, short.Public()), idv.ErrKey},
		"RSA of 1024 bits as JWK": {setOf(t, jose.JSONWebKey{Key: short.Public()}), idv.ErrKey},
		"RSA for RS1":             {setOf(t, jose.JSONWebKey{Key: rsa2048().Public(), Algorithm: "RS1"}), idv.ErrKey},
		"RSA for RS512":           {setOf(t, jose.JSONWebKey{Key: rsa2048().Public(), Algorithm: "RS512"}), idv.ErrKey},
		"P-384":                   {pemOf(t, p384.Public()), idv.ErrKey},
		"P-384 said to be ES256":  {setOf(t, jose.JSONWebKey{Key: p384.Public(), Algorithm: "ES256"}), idv.ErrKey},
		"a private JWK":           {setOf(t, jose.JSONWebKey{Key: ed}), idv.ErrKey},
		"a shared JWK":            {[]byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}`), idv.ErrKey},
		"a use nobody knows":      {setOf(t, jose.JSONWebKey{Key: ed.Public(), Use: "any"}), idv.ErrKey},
		"an unknown kind":         {[]byte(`{"keys":[{"kty":"XYZ"}]}`), idv.ErrKey},
		"a key that is null":      {[]byte(`{"keys":[null]}`), idv.ErrKey},
		"off the curve":           {[]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}]}`), idv.ErrKey},
	} {
		keys, err := idv.ParseKeys(c.text)
		if !errors.Is(err, c.want) || !one(err) || keys != nil {
			t.Errorf("%s: %d keys, %v; want %v", name, len(keys), err, c.want)
		}
	}
	keys := keysOf(t, setOf(t, jose.JSONWebKey{Key: rsa2048().Public(), Algorithm: "PS256", KeyID: "r"}))
	if len(keys) != 1 || keys[0].ID() != "r" || keys[0].Algorithm() != "PS256" {
		t.Errorf("%+v", keys)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(forged(f, header, claims))
	f.Add(raw(`{"alg":"EdDSA"}`, `{}`))
	f.Add("a.b.c")
	from := []idv.Issuer{provider(f)}
	f.Fuzz(func(t *testing.T, token string) {
		r, err := idv.Check(from, token, wanted, now)
		if err != nil && !one(err) {
			t.Fatalf("not one reason: %v", err)
		}
		if err == nil && (r.Subject != wanted.Subject || r.ID == "" || r.Issuer != from[0].Name) {
			t.Fatalf("%+v", r)
		}
	})
}

// Anything the provider signs, however odd, ends in a result or in one reason.
func FuzzSignedClaims(f *testing.F) {
	body, err := json.Marshal(claims)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"alg":"EdDSA"}`, string(body))
	f.Add(`{"alg":"EdDSA","typ":"application/idv+jwt"}`, fmt.Sprintf(`{ "iat" : %d , "aud":[null]}`, now.Unix()))
	from := []idv.Issuer{provider(f)}
	f.Fuzz(func(t *testing.T, header, claims string) {
		if _, err := idv.Check(from, raw(header, claims), wanted, now); err != nil && !one(err) {
			t.Fatalf("not one reason: %v", err)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(setOf(f, jose.JSONWebKey{Key: ed.Public(), KeyID: "a"}))
	f.Add(pemOf(f, ed.Public(), p256().Public()))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := idv.ParseKeys(text)
		if (err == nil) != (len(keys) > 0) || err != nil && !one(err) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
	})
}
