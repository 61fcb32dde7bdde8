package scenario

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/internal/notify/notifytest"
)

// world is what stands around a server: telephones, and a provider of identity
// proofing.
type world struct {
	phones *notifytest.PhoneGateway
	idv    ed25519.PrivateKey // the provider's
}

const proofingProvider = "https://proofing.example"

// worldConfig says how the server reaches it.
const worldConfig = `outbound: {allow_private: true}
gateways:
  - name: texts
    kind: sms
    from: "+15550199"
    url: %[1]s/sms
    auth: {kind: bearer, password_file: gateway.password}
    body: json
    fields: [{name: to, value: "{to}"}, {name: from, value: "{from}"}, {name: text, value: "{text}"}, {name: id, value: "{id}"}]
    success: {field: status, values: [accepted]}
    sim_change: {url: %[1]s/sim, auth: {kind: bearer, password_file: gateway.password}, body: json, fields: [{name: phoneNumber, value: "{to}"}], field: latestSimChange}
  - name: calls
    kind: voice
    from: "+15550199"
    url: %[1]s/voice
    auth: {kind: bearer, password_file: gateway.password}
    body: json
    fields: [{name: to, value: "{to}"}, {name: from, value: "{from}"}, {name: text, value: "{text}"}, {name: id, value: "{id}"}]
    success: {field: status, values: [accepted]}
idv:
  - {name: "` + proofingProvider + `", keys_file: proofing.pem, levels: [IAL2], start_url: "` + proofingProvider + `/start?c={challenge}&r={return}"}
`

func newWorld(t testing.TB, dir string) (world, string, error) {
	w := world{phones: notifytest.StartGateway(t)}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return w, "", err
	}
	w.idv = private
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return w, "", err
	}
	for name, text := range map[string][]byte{
		"proofing.pem":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"gateway.password": []byte(notifytest.GatewaySecret + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return w, "", err
		}
	}
	return w, fmt.Sprintf(worldConfig, w.phones.URL), nil
}

// proofed is what the provider says of somebody it has just seen, in answer to
// a challenge.
func (w world) proofed(subject, challenge string, at time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"iss": proofingProvider, "aud": baseURL, "nonce": challenge, "sub": subject, "ial": "IAL2", "pad": true,
		"jti": challenge, "iat": at.Unix(), "exp": at.Add(time.Hour).Unix(),
	})
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(`{"alg":"EdDSA"}`)) + "." + b64.EncodeToString(claims)
	return text + "." + b64.EncodeToString(ed25519.Sign(w.idv, []byte(text))), nil
}
