package idv_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"countersign/internal/proof/idv"
)

func TestAResultOfTheProviderCounts(t *testing.T) {
	got, err := idv.Check([]idv.Issuer{{Name: "https://other.example"}, provider(t)}, forged(t, header, claims), wanted, now)
	want := idv.Result{Issuer: "https://proofing.example", Subject: "pat-17", Level: "IAL2", ID: "result-1", At: now.Add(-time.Minute)}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestATypeMaySayThatThisIsAToken(t *testing.T) {
	for _, typ := range []any{nil, "JWT", "jwt", "application/jwt", "application/idv+jwt", "IDV+JWT"} {
		if _, err := idv.Check([]idv.Issuer{provider(t)}, forged(t, header.with("typ", typ), claims), wanted, now); err != nil {
			t.Errorf("%v: %v", typ, err)
		}
	}
}

func TestEveryKindOfKeyThatIsAcceptedSigns(t *testing.T) {
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]struct {
		alg  jose.SignatureAlgorithm
		key  any
		text []byte
	}{
		"EdDSA as JWK": {jose.EdDSA, ed, setOf(t, jose.JSONWebKey{Key: ed.Public(), Algorithm: "EdDSA", Use: "sig"})},
		"EdDSA as PEM": {jose.EdDSA, ed, pemOf(t, ed.Public())},
		"ES256 as JWK": {jose.ES256, p256(), setOf(t, jose.JSONWebKey{Key: p256().Public(), KeyID: "a"})},
		"ES256 as PEM": {jose.ES256, p256(), pemOf(t, ed.Public(), p256().Public())},
		"RS256 as JWK": {jose.RS256, rsa2048(), setOf(t, jose.JSONWebKey{Key: rsa2048().Public(), Algorithm: "RS256"})},
		"RS256 as PEM": {jose.RS256, rsa2048(), pemOf(t, rsa2048().Public())},
		"PS256 as JWK": {jose.PS256, rsa2048(), setOf(t, jose.JSONWebKey{Key: rsa2048().Public(), Algorithm: "PS256"})},
		"beside a key for encryption": {jose.EdDSA, ed, setOf(t, jose.JSONWebKey{Key: rsa2048().Public(), Algorithm: "RSA-OAEP", Use: "enc"},
			jose.JSONWebKey{Key: ed.Public()})},
	} {
		from := provider(t)
		from.Keys = keysOf(t, k.text)
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := idv.Check([]idv.Issuer{from}, compact, wanted, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAnIssuerIsConfiguredWithIsAskedFor(t *testing.T) {
	day, odd, closed, empty := provider(t), provider(t), provider(t), provider(t)
	empty.Levels = []string{""}
	day.MaxAge = 24 * time.Hour
	odd.LevelClaim = "https://proofing.example/level"
	closed.Levels = nil
	old := claims.with("iat", now.Add(-23*time.Hour).Unix())
	for name, c := range map[string]struct {
		from idv.Issuer
		says fields
		want error
	}{
		"15 minutes, when nothing is said":       {provider(t), claims.with("iat", now.Add(-15*time.Minute).Unix()), nil},
		"and not a second more":                  {provider(t), claims.with("iat", now.Add(-15*time.Minute-time.Second).Unix()), idv.ErrTime},
		"a day, when that is said":               {day, old, nil},
		"the level under another name":           {odd, claims.with("ial", nil).with("https://proofing.example/level", "IAL2"), nil},
		"not the level under the usual one then": {odd, claims, idv.ErrLevel},
		"nothing, without accepted levels":       {closed, claims, idv.ErrLevel},
		"no level, where an empty one is named":  {empty, claims.with("ial", nil), idv.ErrLevel},
	} {
		if _, err := idv.Check([]idv.Issuer{c.from}, forged(t, header, c.says), wanted, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

func TestANameCountsOnlyWhereNoIdIsRegisteredAndNamesMay(t *testing.T) {
	byName := provider(t)
	byName.NameMatch = true
	other := claims.with("sub", "pat-99")
	for name, c := range map[string]struct {
		from idv.Issuer
		says fields
		want idv.Want
		err  error
	}{
		"the registered id":                     {provider(t), claims, wanted, nil},
		"the registered id, under another name": {provider(t), claims.with("name", "M. Ito"), wanted, nil},
		"another id under the right name":       {byName, other, wanted, idv.ErrPerson},
		"no id under the right name":            {byName, claims.with("sub", nil), wanted, idv.ErrPerson},
		"no id on record, names may":            {byName, other, idv.Want{Challenge: challenge, Name: "Mei Ito"}, nil},
		"no id on record, names may not":        {provider(t), other, idv.Want{Challenge: challenge, Name: "Mei Ito"}, idv.ErrPerson},
		"no id on record, another name":         {byName, other, idv.Want{Challenge: challenge, Name: "Mei Itoh"}, idv.ErrPerson},
		"nothing on record":                     {byName, claims.with("name", nil).with("sub", nil), idv.Want{Challenge: challenge}, idv.ErrPerson},
		"two empty names":                       {byName, claims.with("name", " "), idv.Want{Challenge: challenge, Name: " "}, idv.ErrPerson},
	} {
		if _, err := idv.Check([]idv.Issuer{c.from}, forged(t, header, c.says), c.want, now); !errors.Is(err, c.err) {
			t.Errorf("%s: %v; want %v", name, err, c.err)
		}
	}
}

func TestNamesAreTheSameButForCaseComposingAndSpaces(t *testing.T) {
	from := provider(t)
	from.NameMatch = true
	same := func(token, directory string) error {
		_, err := idv.Check([]idv.Issuer{from}, forged(t, header, claims.with("name", token)), idv.Want{Challenge: challenge, Name: directory}, now)
		return err
	}
	for _, pair := range [][2]string{
		{"MEI ITO", "Mei Ito"}, {" Mei\t  Ito ", "Mei Ito"}, {"Mei\u00a0Ito", "Mei Ito"}, {"Zoe\u0308 Strauß", "ZOË STRAUSS"},
		{"ΟΔΥΣΣΕΎΣ", "Οδυσσεύς"}, {"伊藤 めい", "伊藤 めい"}, {"伊藤 Mei", "伊藤 MEI"}, {"김 민수", "김 민수"}, {"Юлия Ким", "юлия КИМ"},
		{"O'Neil-Smith, J. 3rd", "o'neil-smith, j. 3RD"},
	} {
		if err := same(pair[0], pair[1]); err != nil {
			t.Errorf("%q and %q: %v", pair[0], pair[1], err)
		}
	}
	for _, pair := range [][2]string{
		{"Ito Mei", "Mei Ito"}, {"MeiIto", "Mei Ito"}, {"Mei Ito", "Méi Ito"}, {"Mеi Ito", "Mei Ito"}, // the second is Cyrillic
		{"Mеi Ito", "Mеi Ito"}, {"Αlex", "Αlex"}, {"Юлия Kim", "Юлия Kim"}, // mixed on both sides
		{"Mei\u200bIto", "Mei\u200bIto"}, {"Mei Ito\u202e", "Mei Ito\u202e"}, {"123", "123"}, {"", ""}, {"ITO", "ıto"},
	} {
		if err := same(pair[0], pair[1]); !errors.Is(err, idv.ErrPerson) {
			t.Errorf("%q and %q: %v; want ErrPerson", pair[0], pair[1], err)
		}
	}
}

// Whatever the moment, a result counts for no longer than it may, and never
// once it has expired.
func TestAResultCountsForMinutes(t *testing.T) {
	from := []idv.Issuer{provider(t)}
	rapid.Check(t, func(rt *rapid.T) {
		age := time.Duration(rapid.Int64Range(-3600, 3600).Draw(rt, "age")) * time.Second
		left := time.Duration(rapid.Int64Range(-3600, 3600).Draw(rt, "left")) * time.Second
		token := forged(t, header, claims.with("iat", now.Add(-age).Unix()).with("exp", now.Add(left).Unix()))
		_, err := idv.Check(from, token, wanted, now)
		good := age >= -time.Minute && age <= 15*time.Minute && left > 0 && left > -age
		if good != (err == nil) || !good && !errors.Is(err, idv.ErrTime) {
			rt.Fatalf("%v old, %v left: %v", age, left, err)
		}
	})
}
