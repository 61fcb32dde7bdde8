package console

import (
	"countersign/internal/gate"
	"countersign/internal/proof"
)

// advice says how well somebody could recover: it takes two ways that are not
// lost together.
type advice struct {
	Good  bool
	Title message
	Text  message
}

// adviceOn looks at what is registered and not closed. A telephone's number and
// a mailbox count for little: others can get hold of either.
func adviceOn(v gate.Security) advice {
	have := map[proof.Method]int{}
	for _, f := range v.Factors {
		if !f.Closed {
			have[f.Method]++
		}
	}
	strong := 0
	for m, n := range have {
		if m != proof.SMSCode && m != proof.EmailCode {
			strong += n
		}
	}
	switch n := apart(have); {
	case strong == 0 && len(have) == 0 && !hasContact(v):
		return advice{false, msg("Nothing is registered yet"), msg("If you are locked out today, somebody has to vouch for you. Begin with a passkey; then print a recovery code.")}
	case strong == 0 && onlyPhones(have, v):
		return advice{false, msg("Only a telephone number stands between you and being locked out"), msg("Numbers change hands and can be taken over, so many rules do not accept them. Add a passkey, and print a recovery code.")}
	case strong == 0:
		return advice{false, msg("Only addresses are on record"), msg("Rules that ask for more than a code in a message leave you no way. Add a passkey, and print a recovery code.")}
	case n >= 2:
		return advice{true, msg("You have ways that are not lost together"), msg("If one is gone, another brings you back. Look here again when you change your telephone or your computer.")}
	case strong > 1:
		return advice{false, msg("All of it may be lost together"), msg("A passkey, an app and a telephone are often one device. Add something that lies elsewhere: a printed recovery code, a second key, or somebody you trust.")}
	}
	return advice{false, msg("There is only one way back"), msg("If it is lost, you are locked out until somebody vouches for you. Add a second one that is not lost with it: another passkey or key, a printed recovery code, or somebody you trust.")}
}

// apart counts what is not lost together: all that lives in one device is one.
func apart(have map[proof.Method]int) int {
	n := max(have[proof.Passkey], count(have[proof.Passkey]+have[proof.TOTP]+have[proof.Device] > 0))
	for _, m := range []proof.Method{proof.RecoveryCode, proof.RecoveryContact, proof.Vouch, proof.IDV} {
		n += count(have[m] > 0)
	}
	return n
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func hasContact(v gate.Security) bool {
	for _, c := range v.Contacts {
		if !c.Own {
			return true
		}
	}
	return false
}

func onlyPhones(have map[proof.Method]int, v gate.Security) bool {
	for _, c := range v.Contacts {
		if !c.Own && c.Kind != "phone" {
			return false
		}
	}
	return have[proof.EmailCode] == 0
}
