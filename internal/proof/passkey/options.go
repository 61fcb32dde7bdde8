package passkey

// The forms below are those of WebAuthn Level 3 §5.1: a page hands them to
// PublicKeyCredential.parseCreationOptionsFromJSON and
// parseRequestOptionsFromJSON as they are.

// timeout is how long a browser may wait for the user, in milliseconds. It is
// a hint; the challenge's own life is what counts.
const timeout = 5 * 60 * 1000

// User is whom a new credential is for. Handle is opaque, at most 64 bytes, and
// must not say who it is (WebAuthn §14.6.1).
type User struct {
	Handle      []byte
	Name        string // what the person tells their accounts apart by
	DisplayName string
}

// Creation is a PublicKeyCredentialCreationOptionsJSON.
type Creation struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          Bytes  `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	Challenge  Bytes        `json:"challenge"`
	Parameters []Parameter  `json:"pubKeyCredParams"`
	Timeout    int          `json:"timeout"`
	Exclude    []Descriptor `json:"excludeCredentials"`
	Selection  struct {
		ResidentKey      string `json:"residentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
}

// Parameter is a kind of key that is accepted, by its COSE number.
type Parameter struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

// Descriptor names a credential.
type Descriptor struct {
	Type string `json:"type"`
	ID   Bytes  `json:"id"`
}

// Request is a PublicKeyCredentialRequestOptionsJSON.
type Request struct {
	Challenge        Bytes        `json:"challenge"`
	Timeout          int          `json:"timeout"`
	RPID             string       `json:"rpId"`
	Allow            []Descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
}

// CreationOptions asks for a new credential for user, on an authenticator that
// holds none of the excluded ones. The relying party's name is its ID, as the
// norm advises now that browsers do not show the name.
func CreationOptions(rp RelyingParty, user User, challenge []byte, exclude [][]byte) Creation {
	var c Creation
	c.RP.ID, c.RP.Name = rp.ID, rp.ID
	c.User.ID, c.User.Name, c.User.DisplayName = user.Handle, user.Name, user.DisplayName
	c.Challenge = challenge
	c.Parameters = []Parameter{{"public-key", -8}, {"public-key", -7}, {"public-key", -257}}
	c.Timeout = timeout
	c.Exclude = descriptors(exclude)
	c.Selection.ResidentKey, c.Selection.UserVerification = "preferred", "required"
	c.Attestation = "none"
	return c
}

// RequestOptions asks for an assertion by one of the allowed credentials; with
// none named, the user picks any that the authenticator holds for rp.
func RequestOptions(rp RelyingParty, challenge []byte, allowed [][]byte) Request {
	return Request{Challenge: challenge, Timeout: timeout, RPID: rp.ID, Allow: descriptors(allowed), UserVerification: "required"}
}

func descriptors(ids [][]byte) []Descriptor {
	out := make([]Descriptor, len(ids))
	for i, id := range ids {
		out[i] = Descriptor{Type: "public-key", ID: id}
	}
	return out
}
