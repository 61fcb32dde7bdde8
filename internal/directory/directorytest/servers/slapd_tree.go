package servers

import "strings"

// slapdConf grants the service account what docs/directories.md tells an
// operator to grant, and no more.
const slapdConf = `include SCHEMA/core.schema
include SCHEMA/cosine.schema
include SCHEMA/inetorgperson.schema
modulepath MODULES
moduleload back_mdb
moduleload ppolicy
moduleload memberof
pidfile ROOT/slapd.pid
argsfile ROOT/slapd.args
TLSCertificateFile CERT
TLSCertificateKeyFile KEY
TLSCACertificateFile AUTHORITY
security simple_bind=128

database mdb
suffix "BASE"
rootdn "MANAGER"
rootpw SECRET
directory ROOT/data
index objectClass,uid,entryUUID,member eq
overlay ppolicy
ppolicy_default "cn=default,ou=policies,BASE"
overlay memberof
memberof-group-oc groupOfNames
memberof-member-ad member

access to dn.children="PEOPLE" attrs=userPassword
  by dn.exact="SVC" =w
  by self write
  by anonymous auth
  by * none
access to dn.children="PEOPLE" attrs=pwdReset,pwdAccountLockedTime
  by dn.exact="SVC" write
  by * none
access to attrs=userPassword
  by anonymous auth
  by * none
access to *
  by dn.exact="SVC" read
  by self read
  by * none
`

// slapdTree is the company as LDIF for slapadd.
func slapdTree() string {
	var b strings.Builder
	entry := func(dn string, lines ...string) {
		b.WriteString("dn: " + dn + "\n" + strings.Join(lines, "\n") + "\n\n")
	}
	person := func(login string, lines ...string) {
		entry("uid="+login+","+slapdPeople, append([]string{
			"objectClass: inetOrgPerson", "uid: " + login, "cn: User " + login, "sn: " + login, "displayName: User " + login,
			"userPassword: " + UserPassword, "pwdChangedTime: 20260101000000Z",
		}, lines...)...)
	}
	group := func(name string, members ...string) {
		lines := []string{"objectClass: groupOfNames", "cn: " + name}
		for _, m := range members {
			lines = append(lines, "member: "+m)
		}
		entry("cn="+name+","+slapdGroups, lines...)
	}
	entry(slapdBase, "objectClass: dcObject", "objectClass: organization", "dc: example", "o: Example")
	for _, ou := range []string{"people", "groups", "services", "policies"} {
		entry("ou="+ou+","+slapdBase, "objectClass: organizationalUnit", "ou: "+ou)
	}
	entry("cn=default,ou=policies,"+slapdBase, "objectClass: pwdPolicy", "objectClass: device", "cn: default",
		"pwdAttribute: userPassword", "pwdMinLength: 12", "pwdCheckQuality: 2", "pwdLockout: TRUE", "pwdMaxFailure: 3",
		"pwdLockoutDuration: 0", "pwdMustChange: TRUE", "pwdAllowUserChange: TRUE")
	entry(slapdSvc, "objectClass: device", "objectClass: simpleSecurityObject", "cn: countersign", "userPassword: "+ServicePassword)
	person(Boss, "employeeNumber: E1000", "mail: boss@example.test")
	person(Plain, "manager: uid="+Boss+","+slapdPeople, "employeeNumber: "+Employee, "mail: plain@example.test", "mobile: +46700000001",
		"departmentNumber: Workshop", "l: Plant 3")
	person(Second, "employeeNumber: "+Employee)
	person(Nested)
	person(Disabled, "pwdAccountLockedTime: 000001010000Z")
	person(Robot, "employeeType: service")
	group("letters", "uid="+Plain+","+slapdPeople)
	group("inner", "uid="+Nested+","+slapdPeople, "cn=outer,"+slapdGroups) // a cycle, as real trees have
	group("outer", "cn=inner,"+slapdGroups)
	group("admins", "cn=outer,"+slapdGroups)
	return b.String()
}
