package activedirectory

import (
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
)

// The relative identifiers of groups (and accounts) that administer a domain or
// lead to doing so (MS-DTYP §2.4.2.4). The first list is relative to a domain,
// whichever of the forest's it is; the second to S-1-5-32.
var (
	adminDomainRIDs  = []string{"498", "500", "502", "512", "516", "517", "518", "519", "520", "521", "526", "527"}
	adminBuiltinRIDs = []string{"544", "548", "549", "550", "551", "552", "556", "557", "578", "580"}
)

func adminSID(sid string) bool {
	if rid, ok := strings.CutPrefix(sid, "S-1-5-32-"); ok {
		return slices.Contains(adminBuiltinRIDs, rid)
	}
	if !strings.HasPrefix(sid, "S-1-5-21-") {
		return false
	}
	return slices.Contains(adminDomainRIDs, sid[strings.LastIndexByte(sid, '-')+1:])
}

// group is one that an account is in, by whatever nesting.
type group struct{ sid, name, dn string }

// chain is LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS §3.1.1.3.4.4.3).
const chain = "1.2.840.113556.1.4.1941"

// inOneFilter bounds how many identifiers are asked about in one search.
const inOneFilter = 100

// groups names every group of the entry e and tells whether one of them, or the
// account itself, is administrative. adminCount plays no part: it is set late,
// not everywhere, and stays behind.
//
// tokenGroups is the controller's own answer: nested, with the primary group
// and with groups of other domains of the forest, but with security groups
// only. Walking the member links adds the distribution groups, on which
// policies may rest as well. An account without tokenGroups is one the service
// account may not judge; it is an error, because "in no group" would be a lie.
func (d *Directory) groups(conn *ldapconn.Conn, doing string, e *ldap.Entry) ([]string, bool, error) {
	own, err := sidText(e.GetEqualFoldRawAttributeValue("objectSid"))
	if err != nil {
		return nil, false, conn.Fault(doing, directory.ErrUnreachable, "objectSid: "+err.Error())
	}
	token := e.GetEqualFoldRawAttributeValues("tokenGroups")
	if len(token) == 0 {
		return nil, false, conn.Fault(doing, directory.ErrUnreachable,
			"tokenGroups is not readable (make the service account a member of Windows Authorization Access Group)")
	}
	all := map[string]group{}
	for _, raw := range token {
		sid, err := sidText(raw)
		if err != nil {
			return nil, false, conn.Fault(doing, directory.ErrUnreachable, "tokenGroups: "+err.Error())
		}
		all[sid] = group{sid: sid, name: sid}
	}
	for part := range slices.Chunk(token, inOneFilter) {
		filters := make([]string, len(part))
		for i, raw := range part {
			filters[i] = ldapconn.Eq("objectSid", string(raw))
		}
		if err := d.collect(conn, doing, all, "(&(objectClass=group)"+ldapconn.AnyOf(filters)+")"); err != nil {
			return nil, false, err
		}
	}
	members := []string{ldapconn.Eq("member:"+chain+":", e.DN)}
	primary := "-" + ldapconn.Text(e, "primaryGroupID")
	for _, g := range all {
		if g.dn != "" && strings.HasSuffix(g.sid, primary) {
			members = append(members, ldapconn.Eq("member:"+chain+":", g.dn))
		}
	}
	if err := d.collect(conn, doing, all, "(&(objectClass=group)"+ldapconn.AnyOf(members)+")"); err != nil {
		return nil, false, err
	}
	return d.judge(own, all)
}

// collect adds the groups that a filter finds anywhere in the domain.
func (d *Directory) collect(conn *ldapconn.Conn, doing string, into map[string]group, filter string) error {
	found, err := conn.Search(doing, subtree(d.domain, filter, 0, "objectSid", "sAMAccountName"))
	if err != nil {
		return unreachable(err)
	}
	for _, e := range found {
		sid, err := sidText(e.GetEqualFoldRawAttributeValue("objectSid"))
		name := ldapconn.Text(e, "sAMAccountName")
		if err != nil || name == "" {
			return conn.Fault(doing, directory.ErrUnreachable, "a group without a readable name and identifier")
		}
		into[sid] = group{sid: sid, name: name, dn: e.DN}
	}
	return nil
}

func (d *Directory) judge(own string, all map[string]group) ([]string, bool, error) {
	admin := adminSID(own)
	names := make([]string, 0, len(all))
	for _, g := range all {
		names = append(names, g.name)
		admin = admin || adminSID(g.sid) || slices.ContainsFunc(d.cfg.AdminGroups, func(c string) bool {
			return strings.EqualFold(c, g.name) || strings.EqualFold(c, g.sid) || ldapconn.SameDN(c, g.dn)
		})
	}
	slices.Sort(names)
	return slices.Compact(names), admin, nil
}
