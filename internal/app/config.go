package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/knadh/koanf/v2"
)

// Config is a server's configuration: one YAML file, any value of which the
// environment can replace. docs/configuration.md lists every key; its tables
// are made from the tags below.
type Config struct {
	Organisation string      `koanf:"organisation" doc:"Your organisation's name, as it stands in notices and in the founding entry."`
	BaseURL      string      `koanf:"base_url" doc:"Where people reach this server: https://HOST[:PORT], or http://localhost:PORT to try it out. Every link in a notice begins with it, and passkeys are bound to it."`
	Listen       string      `koanf:"listen" default:"127.0.0.1:8443" doc:"The address to listen on."`
	BehindProxy  bool        `koanf:"behind_proxy" default:"false" doc:"Speak plain HTTP on an address that is not loopback, because a proxy in front speaks TLS."`
	Proxies      []string    `koanf:"trusted_proxies" doc:"Addresses or networks (CIDR) of the proxies in front. The caller's address is taken from X-Forwarded-For only where they wrote it."`
	TLS          TLS         `koanf:"tls" doc:"The certificate to speak TLS with."`
	Data         string      `koanf:"data" doc:"The folder of the ledger and the keys. It is made, for its owner only, when absent."`
	Policy       string      `koanf:"policy" doc:"The policy file. The policy in force is the one on the ledger; readiness says when the two differ."`
	Directories  []Directory `koanf:"directories" doc:"The directories whose accounts are reset."`
	Mail         Mail        `koanf:"mail" doc:"The mail server for notices and codes. Without one, nobody is told anything and codes by mail are not offered."`
	Gateways     []Gateway   `koanf:"gateways" doc:"The gateways to telephones, for codes by text message and by call. Without one they are not offered."`
	Outbound     Outbound    `koanf:"outbound" doc:"How calls to gateways leave."`
	SecurityMail string      `koanf:"security_mail" doc:"An address that hears of every request that somebody repudiates, and of those whose plan says so."`
	Signin       Signin      `koanf:"signin" doc:"How staff sign in."`
	OIDC         OIDC        `koanf:"oidc" doc:"The organisation's OpenID Connect provider, if it has one."`
	IDV          []IDV       `koanf:"idv" doc:"The providers of identity proofing whose results count as a proof."`
	Devices      Devices     `koanf:"devices" doc:"What managed devices prove themselves by."`
	Ledger       Ledger      `koanf:"ledger" doc:"The ledger."`
	Log          Log         `koanf:"log" doc:"What is logged, to standard error."`

	folder string // that relative paths start from
}

// TLS names the server's certificate.
type TLS struct {
	CertFile string `koanf:"cert_file" doc:"The certificate chain, PEM."`
	KeyFile  string `koanf:"key_file" doc:"Its private key, PEM."`
}

// Directory is one directory of accounts. Which keys a kind takes is in kinds.
type Directory struct {
	Name         string     `koanf:"name" doc:"The first part of its accounts' ids. It must never change."`
	Kind         string     `koanf:"kind" doc:"activedirectory, ldap or local."`
	URL          string     `koanf:"url" doc:"ldaps://HOST[:PORT], or ldap://HOST[:PORT], which is upgraded by StartTLS."`
	CAFile       string     `koanf:"ca_file" doc:"PEM certificates that sign the server's; the system's when absent."`
	BindDN       string     `koanf:"bind_dn" doc:"The service account, by DN or (Active Directory) user principal name."`
	PasswordFile string     `koanf:"password_file" doc:"The file with its password. COUNTERSIGN_DIRECTORY_NAME_PASSWORD in the environment does as well."`
	Hands        Hands      `koanf:"hands" doc:"Another service account for the changes, so that the one above needs no rights but to read."`
	BaseDN       string     `koanf:"base_dn" doc:"Where accounts are looked for. Those elsewhere do not exist for Countersign."`
	GroupBaseDN  string     `koanf:"group_base_dn" doc:"Where groups are looked for (ldap); base_dn when absent."`
	UserFilter   string     `koanf:"user_filter" doc:"Which entries are accounts (ldap); (objectClass=person) when absent."`
	Attributes   Attributes `koanf:"attributes" doc:"Which attributes hold what, where the usual ones do not."`
	Contacts     []Contact  `koanf:"contacts" doc:"Which attributes hold destinations; mail (own) and mobile when absent."`
	// Markers are attribute=value.
	ServiceMarker  string   `koanf:"service_marker" doc:"attribute=value that marks service accounts, besides those with a service principal name."`
	DisabledMarker string   `koanf:"disabled_marker" doc:"attribute=value that marks disabled accounts (ldap), besides those ppolicy locks for good."`
	AdminGroups    []string `koanf:"admin_groups" doc:"Groups whose members, by any nesting, are administrators: names, DNs or SIDs besides the well-known ones (activedirectory), DNs (ldap), names (local; admins when absent)."`
	OldPassword    *Period  `koanf:"old_password_period" doc:"How long the domain goes on accepting a replaced password (activedirectory), such as 60m; unknown when absent."`
	Timeout        Period   `koanf:"timeout" default:"10s" doc:"Of one operation."`

	password string
}

// Hands is a service account that may change things.
type Hands struct {
	BindDN       string `koanf:"bind_dn" doc:"The account, as above."`
	PasswordFile string `koanf:"password_file" doc:"The file with its password. COUNTERSIGN_DIRECTORY_NAME_HANDS_PASSWORD in the environment does as well."`

	password string
}

// Attributes names attributes.
type Attributes struct {
	Login    string `koanf:"login" doc:"What people type to sign in (ldap); uid when absent."`
	ID       string `koanf:"id" doc:"What survives renames (ldap); entryUUID when absent."`
	Name     string `koanf:"name" doc:"The display name (ldap); displayName when absent, or else cn."`
	Unit     string `koanf:"unit" doc:"The department; departmentNumber (ldap) or department (activedirectory) when absent."`
	Location string `koanf:"location" doc:"The site; l when absent."`
	Manager  string `koanf:"manager" doc:"The manager's DN (ldap); manager when absent."`
	Person   string `koanf:"person" doc:"What is the same for all accounts of one human, such as employeeID. Without it every account is a person of its own."`
	Start    string `koanf:"start" doc:"The owner's first day: a generalized time, a day like 2026-03-02 or, in Active Directory, a large integer. Without it no first enrolment waits for that day."`
}

// Contact is an attribute that holds destinations.
type Contact struct {
	Attribute string `koanf:"attribute" doc:"The attribute's name."`
	Kind      string `koanf:"kind" doc:"email or phone."`
	Own       bool   `koanf:"own" default:"false" doc:"Whether the account itself opens the destination: its own mailbox proves nothing when it is being reset."`
}

// Mail is the mail server.
type Mail struct {
	Host         string `koanf:"host" doc:"The name its certificate carries."`
	Port         int    `koanf:"port" doc:"587 when absent, 465 with tls: implicit, 25 with tls: none."`
	From         string `koanf:"from" doc:"The sender, such as Example Desk <desk@example.org>."`
	Username     string `koanf:"username" doc:"Whom to sign in as; nobody when absent."`
	PasswordFile string `koanf:"password_file" doc:"The file with the password. COUNTERSIGN_MAIL_PASSWORD in the environment does as well."`
	TLS          string `koanf:"tls" default:"starttls" doc:"starttls, implicit, or none for a relay on this machine."`
	CAFile       string `koanf:"ca_file" doc:"PEM certificates that sign the server's; the system's when absent."`

	password string
}

// Signin is how staff sign in.
type Signin struct {
	RelyingParty     string `koanf:"relying_party" doc:"The domain that passkeys are bound to; the host of base_url when absent. It must never change."`
	SoftwarePasskeys bool   `koanf:"software_passkeys" default:"false" doc:"Allow passkeys that are files, for labs and automation. The roster shows which are."`
	OIDC             string `koanf:"oidc" default:"off" doc:"Whether staff sign in at the organisation's provider before they use their passkey: off, allowed or required."`
	OIDCClaim        string `koanf:"oidc_claim" doc:"The provider's claim that equals the person's id on the roster; oidc.claim when absent."`
}

// Ledger names the ledger.
type Ledger struct {
	Origin string `koanf:"origin" doc:"The ledger's name in its checkpoints and key; the host of base_url when absent. It must never change."`
}

// Log says what is logged.
type Log struct {
	Format string `koanf:"format" default:"text" doc:"text or json."`
	Level  string `koanf:"level" default:"info" doc:"debug, info, warn or error."`
}

// Period is a length of time, written like 90s, 10m or 24h.
type Period time.Duration

// LoadConfig reads and checks a configuration. environ has the form of
// os.Environ. The error is Problems when the file could be read; warnings name
// what is odd but not wrong.
func LoadConfig(path string, environ []string) (c Config, warnings []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return c, nil, fmt.Errorf("app: reading the configuration: %w", err)
	}
	r := &reader{file: filepath.Base(path), spots: map[string]spot{}}
	k := koanf.New(".")
	layers := []map[string]any{defaultsOf(c), r.readYAML(text), r.readEnviron(environ)}
	for _, l := range layers {
		if err := k.Load(layer(l), nil); err != nil {
			return c, nil, fmt.Errorf("app: reading the configuration: %w", err)
		}
	}
	if len(r.problems) > 0 {
		return c, r.warnings, r.problems.sorted()
	}
	if err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{Tag: "koanf"}); err != nil {
		return c, nil, fmt.Errorf("app: reading the configuration: %w", err)
	}
	if c.folder, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return c, nil, fmt.Errorf("app: reading the configuration: %w", err)
	}
	c.complete(r, environ)
	if len(r.problems) > 0 {
		return c, r.warnings, r.problems.sorted()
	}
	return c, r.warnings, nil
}

// layer is one source of values for koanf.
type layer map[string]any

// Read implements koanf.Provider.
func (l layer) Read() (map[string]any, error) { return l, nil }

// ReadBytes implements koanf.Provider; a layer has been parsed already.
func (l layer) ReadBytes() ([]byte, error) { return nil, errors.ErrUnsupported }

// path makes a file name of the configuration absolute.
func (c Config) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.folder, name)
}
