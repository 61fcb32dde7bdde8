package app

import (
	"fmt"
	"time"

	"countersign/internal/gate"
)

// proofs gives the gate what people prove themselves by, besides mail: the
// gateways to telephones, what the organisation's provider has to show, the
// providers of identity proofing and the authorities for devices, as far as
// there are any.
func (c Config) proofs(to *gate.Config, parts *gate.Parts, now func() time.Time) (err error) {
	if parts.SMS, parts.Voice, err = c.phones(now); err != nil {
		return fmt.Errorf("gateways: %w", err)
	}
	to.OIDC = gate.OIDC{Claim: c.OIDC.Claim, ACR: c.OIDC.ACR, AMR: c.OIDC.AMR}
	proofers, err := c.idv()
	if err != nil {
		return err
	}
	for _, p := range proofers {
		parts.Proofers = append(parts.Proofers, gate.Proofer{Issuer: p.Issuer, Start: p.startURL})
	}
	to.DeviceCAs, err = c.deviceCAs()
	return err
}
