package device

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// ParseKey reads what an administrator hands over for a device: one PEM public
// key, or its PEM certificate, which intermediate ones may follow. With cas the
// certificate must chain to them, be valid at now and not be an authority's own;
// without, it is only the key's wrapping, and so is a bare public key always:
// whoever registers it answers for it.
func ParseKey(text []byte, cas *x509.CertPool, now time.Time) (Key, error) {
	k, err := parseKey(text, cas, now)
	if err != nil {
		return nil, fmt.Errorf("device: reading a key: %w", err)
	}
	return k, nil
}

func parseKey(text []byte, cas *x509.CertPool, now time.Time) (Key, error) {
	blocks, err := split(text)
	if err != nil {
		return nil, err
	}
	var pub any
	switch first := blocks[0]; {
	case first.Type == "PUBLIC KEY" && len(blocks) == 1:
		if pub, err = x509.ParsePKIXPublicKey(first.Bytes); err != nil {
			return nil, ErrKey
		}
	case first.Type == "CERTIFICATE":
		if pub, err = certified(blocks, cas, now); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: want one PEM public key, or a PEM certificate", ErrForm)
	}
	if err := sound(pub); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, ErrKey
	}
	return der, nil
}

// split gives the PEM blocks of a text that holds nothing else.
func split(text []byte) ([]*pem.Block, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrForm, maxPEM)
	}
	var blocks []*pem.Block
	for rest := bytes.TrimSpace(text); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var b *pem.Block
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, fmt.Errorf("%w: not PEM text", ErrForm)
		}
		if b, rest = pem.Decode(rest); b == nil {
			return nil, fmt.Errorf("%w: not PEM text", ErrForm)
		}
		if strings.Contains(b.Type, "PRIVATE") {
			return nil, ErrPrivate
		}
		blocks = append(blocks, b)
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrForm)
	}
	return blocks, nil
}

// certified is the key of the first certificate.
func certified(blocks []*pem.Block, cas *x509.CertPool, now time.Time) (any, error) {
	var leaf *x509.Certificate
	between := x509.NewCertPool()
	for _, b := range blocks {
		c, err := x509.ParseCertificate(b.Bytes)
		switch {
		case b.Type != "CERTIFICATE" || err != nil:
			return nil, fmt.Errorf("%w: not a certificate", ErrForm)
		case leaf == nil:
			leaf = c
		default:
			between.AddCert(c)
		}
	}
	if cas == nil {
		return leaf.PublicKey, nil
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: cas, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil || now.IsZero() || leaf.IsCA { // a zero CurrentTime would read the clock
		return nil, ErrCertificate
	}
	return leaf.PublicKey, nil
}

// weak are the y coordinates of the points of small order on edwards25519, least
// significant byte first: under such a key one signature fits many texts.
var weak = [][]byte{
	unhex("0000000000000000000000000000000000000000000000000000000000000000"),
	unhex("0100000000000000000000000000000000000000000000000000000000000000"),
	unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
	unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}

// smallOrder reports whether p is such a point, or writes its coordinate in a
// way of which there is a shorter one (y not below 2^255-19).
func smallOrder(p ed25519.PublicKey) bool {
	y := bytes.Clone(p)
	y[31] &= 0x7f // the sign of x
	for _, w := range weak {
		if bytes.Equal(y, w) {
			return true
		}
	}
	return y[31] == 0x7f && y[0] >= 0xed && bytes.Equal(y[1:31], bytes.Repeat([]byte{0xff}, 30))
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
