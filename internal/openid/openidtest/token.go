package openidtest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token spends a code. A code that is tried wrongly is spent as well.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	l := p.lying()
	if l.Token != nil {
		l.Token(w, r)
		return
	}
	if !client(r) {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	code := r.PostFormValue("code")
	p.mu.Lock()
	g, known := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	if !known || r.PostFormValue("grant_type") != "authorization_code" || p.now().After(g.at.Add(time.Minute)) ||
		r.PostFormValue("redirect_uri") != g.query.Get("redirect_uri") ||
		!same(challengeOf(r.PostFormValue("code_verifier")), g.query.Get("code_challenge")) {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	access := text(16)
	p.mu.Lock()
	p.access[access] = g.person
	p.mu.Unlock()
	write(w, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": p.idToken(g, l, access)})
}

// info is the UserInfo endpoint.
func (p *Provider) info(w http.ResponseWriter, r *http.Request) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	who, known := p.access[token]
	p.mu.Unlock()
	if !bearer || !known {
		refuse(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	claims := map[string]any{"sub": who.Subject}
	maps.Copy(claims, who.Claims)
	maps.Copy(claims, p.lying().Info)
	write(w, claims)
}

// client reads HTTP Basic as RFC 6749 §2.3.1 has it: both parts are encoded as
// in forms.
func client(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	id, bad1 := url.QueryUnescape(id)
	secret, bad2 := url.QueryUnescape(secret)
	return ok && bad1 == nil && bad2 == nil && id == ClientID && same(secret, ClientSecret)
}

func refuse(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": word, "error_description": "the provider's own words"})
}

func (p *Provider) idToken(g grant, l Lie, access string) string {
	now := p.now().Add(l.Clock)
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": p.URL, "aud": ClientID, "sub": g.person.Subject, "nonce": g.query.Get("nonce"), "at_hash": b64(sum[:16]),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": g.at.Add(l.Clock - l.Age).Unix(),
	}
	if g.person.ACR != "" {
		claims["acr"] = g.person.ACR
	}
	if g.person.AMR != nil {
		claims["amr"] = g.person.AMR
	}
	if !l.Thin {
		maps.Copy(claims, g.person.Claims)
	}
	if l.Issuer != "" {
		claims["iss"] = l.Issuer
	}
	for name, v := range l.Claims {
		claims[name] = v
		if v == nil {
			delete(claims, name)
		}
	}
	return p.sign(claims, l.Algorithm)
}

func (p *Provider) sign(claims map[string]any, algorithm string) string {
	id, key := p.signer()
	if algorithm == "" {
		algorithm = "RS256"
	}
	head, _ := json.Marshal(map[string]string{"alg": algorithm, "kid": id, "typ": "JWT"})
	body, _ := json.Marshal(claims)
	signed := b64(head) + "." + b64(body)
	return signed + "." + b64(signature(key, algorithm, signed))
}

func signature(key *rsa.PrivateKey, algorithm, signed string) []byte {
	switch algorithm {
	case "none":
		return nil
	case "HS256":
		mac := hmac.New(sha256.New, []byte(ClientSecret))
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	}
	sum := sha256.Sum256([]byte(signed))
	s, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return s
}
