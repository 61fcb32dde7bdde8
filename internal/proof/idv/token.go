package idv

import (
	"encoding/base64"
	stdjson "encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // refuses a member that stands twice, and takes names exactly
)

type members map[string]stdjson.RawMessage

// token is a JWS whose claims have been read, not believed.
type token struct {
	compact  string
	alg, kid string
	claims   members

	issuer, subject, nonce, id, name string
	audience                         []string
	issued, until, from              time.Time
	present                          bool
}

// parse reads the one compact form of a token: other texts that decoders would
// take for the same bytes are refused.
func parse(compact string) (token, error) {
	if len(compact) > maxToken {
		return token{}, fmt.Errorf("%w: longer than %d bytes", ErrForm, maxToken)
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return token{}, fmt.Errorf("%w: not a compact JWS", ErrForm)
	}
	var raw [3][]byte
	for i, p := range parts {
		b, err := base64.RawURLEncoding.Strict().DecodeString(p)
		if err != nil || len(b) == 0 || strings.ContainsAny(p, "\r\n") {
			return token{}, fmt.Errorf("%w: not a compact JWS", ErrForm)
		}
		raw[i] = b
	}
	header, err := object(raw[0])
	if err != nil {
		return token{}, err
	}
	claims, err := object(raw[1])
	if err != nil {
		return token{}, err
	}
	t := token{compact: compact, claims: claims}
	if err := t.header(header); err != nil {
		return token{}, err
	}
	return t, t.read()
}

func object(raw []byte) (members, error) {
	var m members
	if !utf8.Valid(raw) || json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, fmt.Errorf("%w: not a JSON object", ErrForm)
	}
	return m, nil
}

// header takes the key's name and the algorithm it claims, which has to be the
// key's. Keys that a token brings along (jwk, x5c) or points to (jku, x5u) are
// never looked at.
func (t *token) header(m members) error {
	var typ string
	for name, v := range map[string]*string{"alg": &t.alg, "kid": &t.kid, "typ": &typ} {
		if err := m.into(name, v); err != nil {
			return err
		}
	}
	if _, critical := m["crit"]; critical {
		return fmt.Errorf("%w: it demands extensions", ErrForm)
	}
	kind := strings.TrimPrefix(strings.ToLower(typ), "application/")
	if _, typed := m["typ"]; typed && kind != "jwt" && (!strings.HasSuffix(kind, "+jwt") || strings.Contains(kind, "/")) {
		return fmt.Errorf("%w: its type is not JWT", ErrForm)
	}
	return nil
}

func (t *token) read() error {
	for name, v := range map[string]*string{
		"iss": &t.issuer, "sub": &t.subject, "nonce": &t.nonce, "jti": &t.id, "name": &t.name,
	} {
		if err := t.claims.into(name, v); err != nil {
			return err
		}
	}
	for name, v := range map[string]*time.Time{"iat": &t.issued, "exp": &t.until, "nbf": &t.from} {
		if err := t.claims.moment(name, v); err != nil {
			return err
		}
	}
	if t.id == "" || t.issued.IsZero() || t.until.IsZero() {
		return fmt.Errorf("%w: jti, iat or exp is missing", ErrForm)
	}
	if raw, ok := t.claims["pad"]; ok && json.Unmarshal(raw, &t.present) != nil {
		return fmt.Errorf("%w: pad is not true or false", ErrForm)
	}
	raw, ok := t.claims["aud"]
	if !ok {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		t.audience = []string{one}
	} else if json.Unmarshal(raw, &t.audience) != nil {
		return fmt.Errorf("%w: aud is not a text or a list of texts", ErrForm)
	}
	return nil
}

// text is a claim that is a text; "" when it is absent.
func (t token) text(name string) (string, error) {
	var s string
	return s, t.claims.into(name, &s)
}

// into reads a member that is a text of reasonable length. null is not one.
func (m members) into(name string, v *string) error {
	raw, ok := m[name]
	if !ok {
		return nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, v) != nil || len(*v) > maxText {
		return fmt.Errorf("%w: %s is not a text, or too long", ErrForm, name)
	}
	return nil
}

// moment reads a NumericDate (RFC 7519 §2); a fraction of a second is dropped.
func (m members) moment(name string, v *time.Time) error {
	raw, ok := m[name]
	if !ok {
		return nil
	}
	var n float64
	if json.Unmarshal(raw, &n) != nil || n < 1 || n > 253402300799 { // the year 9999
		return fmt.Errorf("%w: %s is not a time", ErrForm, name)
	}
	*v = time.Unix(int64(math.Floor(n)), 0).UTC()
	return nil
}

// signedBy checks the signature with the keys that could have made it: those of
// the token's key id, where both have one, whose algorithm the token names.
func (t token) signedBy(keys []Key) error {
	fitting := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool {
		return string(k.alg) != t.alg || k.id != "" && t.kid != "" && k.id != t.kid
	})
	if len(fitting) == 0 {
		return ErrKey
	}
	for _, k := range fitting {
		s, err := jose.ParseSignedCompact(t.compact, []jose.SignatureAlgorithm{k.alg})
		if err != nil {
			return fmt.Errorf("%w: not a compact JWS", ErrForm)
		}
		if _, err := s.Verify(k.public); err == nil {
			return nil
		}
	}
	return ErrSignature
}
