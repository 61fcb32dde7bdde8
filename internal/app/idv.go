package app

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof/idv"
)

// IDV is a provider of identity proofing.
type IDV struct {
	Name       string   `koanf:"name" doc:"The provider's name in its results (the claim iss), exactly."`
	KeysFile   string   `koanf:"keys_file" doc:"Its public keys: a JWK Set or PEM, for RS256, PS256, ES256 or EdDSA. Fetch it from the provider over a way you trust, and again when it changes its keys."`
	Audience   string   `koanf:"audience" doc:"What its results have to be issued for (the claim aud); base_url when absent."`
	Levels     []string `koanf:"levels" doc:"The levels that are accepted, such as IAL2."`
	LevelClaim string   `koanf:"level_claim" doc:"The claim that holds the level; ial when absent."`
	NameMatch  bool     `koanf:"name_match" default:"false" doc:"Accept a result by the person's name, where the provider's id of the person is not on record. Two people of one name are then one to it."`
	MaxAge     Period   `koanf:"max_age" doc:"How old a result may be, at most 24h; 15m when absent."`
	StartURL   string   `koanf:"start_url" doc:"Where the person is sent: an https address in whose query {challenge} stands for what the provider puts into the claim nonce, and {return} for where it sends the person back to."`
}

// Devices is what managed devices prove themselves by.
type Devices struct {
	CAFile string `koanf:"ca_file" doc:"PEM certificates of the authorities for devices. With them, a device's certificate has to be of one of them and valid when its key is registered; a bare public key is taken as it is."`
}

// proofer is a provider as the gate needs it.
type proofer struct {
	idv.Issuer
	start string
}

// startURL is where a person goes for a result that answers the challenge.
func (p proofer) startURL(challenge, back string) string {
	return strings.NewReplacer("{challenge}", url.QueryEscape(challenge), "{return}", url.QueryEscape(back)).Replace(p.start)
}

// idv reads the providers' keys. Its configuration has been checked before.
func (c Config) idv() ([]proofer, error) {
	var out []proofer
	for _, p := range c.IDV {
		keys, err := readKeys(p.KeysFile)
		if err != nil {
			return nil, fmt.Errorf("app: the keys of %s: %w", identity.Line(p.Name, 100), err)
		}
		out = append(out, proofer{start: p.StartURL, Issuer: idv.Issuer{
			Name: p.Name, Keys: keys, Audience: p.Audience, Levels: p.Levels, LevelClaim: p.LevelClaim,
			NameMatch: p.NameMatch, MaxAge: time.Duration(p.MaxAge),
		}})
	}
	return out, nil
}

func readKeys(path string) ([]idv.Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return idv.ParseKeys(text)
}

// deviceCAs are the authorities for devices; nil when none are configured.
func (c Config) deviceCAs() (*x509.CertPool, error) {
	if c.Devices.CAFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.Devices.CAFile)
	if err != nil {
		return nil, fmt.Errorf("app: the authorities for devices: %w", err)
	}
	pool, n := x509.NewCertPool(), 0
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			break
		}
		// A certificate in the pool is trusted whatever it is: a device's own
		// would vouch for itself.
		ca, err := x509.ParseCertificate(b.Bytes)
		if b.Type != "CERTIFICATE" || err != nil || !ca.IsCA {
			return nil, errors.New("app: the authorities for devices: the file holds something else than certificates of authorities")
		}
		pool.AddCert(ca)
		n++
	}
	if n == 0 {
		return nil, errors.New("app: the authorities for devices: the file holds no certificate")
	}
	return pool, nil
}

// proofing checks the providers of identity proofing and the authorities for
// devices, and reads what their files hold, so that a fault shows at the start.
func (c *Config) proofing(r *reader) {
	c.Devices.CAFile = c.path(c.Devices.CAFile)
	if _, err := c.deviceCAs(); err != nil {
		r.fail("devices.ca_file", "%s", strings.TrimPrefix(err.Error(), "app: the authorities for devices: "))
	}
	seen := map[string]bool{}
	for i := range c.IDV {
		p, at := &c.IDV[i], fmt.Sprintf("idv[%d]", i)
		p.KeysFile = c.path(p.KeysFile)
		if p.Audience == "" {
			p.Audience = c.BaseURL
		}
		if seen[p.Name] {
			r.fail(at+".name", "two providers have this name")
		}
		seen[p.Name] = true
		p.check(r, at)
	}
}

func (p *IDV) check(r *reader, at string) {
	if p.Name == "" || identity.CheckLine(p.Name, 256) != nil {
		r.fail(at+".name", "a provider needs the name that stands in its results, such as https://proofing.example")
	}
	if len(p.Levels) == 0 {
		r.fail(at+".levels", "name at least one level that is accepted, such as IAL2")
	}
	for i, l := range p.Levels {
		if l == "" {
			r.fail(fmt.Sprintf("%s.levels[%d]", at, i), "an empty text is no level")
		}
	}
	if time.Duration(p.MaxAge) > 24*time.Hour {
		r.fail(at+".max_age", "a result may be at most 24h old")
	}
	if err := checkStart(p.StartURL); err != nil {
		r.fail(at+".start_url", "%v", err)
	}
	if p.KeysFile == "" {
		r.fail(at+".keys_file", "this key is missing; name the file with the provider's public keys")
	} else if _, err := readKeys(p.KeysFile); err != nil {
		r.fail(at+".keys_file", "the keys cannot be read: %s", strings.TrimPrefix(err.Error(), "idv: reading keys: "))
	}
}

func checkStart(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errors.New("this is not of the form https://HOST/PATH?x={challenge}&y={return}")
	}
	query := strings.NewReplacer("{challenge}", "", "{return}", "").Replace(u.RawQuery)
	if strings.Count(u.RawQuery, "{challenge}") != 1 || strings.Count(u.RawQuery, "{return}") > 1 ||
		strings.ContainsAny(u.Scheme+u.Host+u.Path+query, "{}") {
		return errors.New("{challenge} has to stand once in its query, where {return} may; no other braces are read")
	}
	return nil
}
