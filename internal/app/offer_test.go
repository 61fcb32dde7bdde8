package app

import (
	"slices"
	"strings"
	"testing"
)

// What is told of a configuration beforehand has to be what a server with it
// then does.
func TestAConfigurationOffersWhatItsServerDoes(t *testing.T) {
	voice := strings.NewReplacer("gateways:\n", "", "texts", "calls", "sms", "voice").Replace(oneGateway)
	for name, more := range map[string]string{
		"nothing":           "",
		"mail":              "mail: {host: localhost, from: desk@example.org, tls: none}\n",
		"telephones":        oneGateway + voice,
		"a provider":        "oidc: {issuer: https://login.example.org, client_id: a, client_secret_file: pw, amr: [otp]}\n",
		"a plain provider":  "oidc: {issuer: https://login.example.org, client_id: a, client_secret_file: pw}\n",
		"identity proofing": strings.TrimPrefix(proofed, small),
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(small, "https://countersign.example.org", "http://localhost:1", 1) + "listen: 127.0.0.1:0\n" + more
			c, _, err := LoadConfig(written(t, "c.yaml", text, "policy.yaml", policyText, "pw", "secret", "proofing.pem", providersPEM(t)), nil)
			if err != nil {
				t.Fatal(err)
			}
			a, _ := started(t, c)
			if got, want := c.Offers().Methods, a.gate.Methods(); !slices.Equal(got, want) {
				t.Errorf("it offers %v, the server does %v", got, want)
			}
		})
	}
}
