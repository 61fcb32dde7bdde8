package ldap

import (
	"slices"

	"countersign/internal/directory"
	"countersign/internal/directory/ldapconn"
)

// The bounds of a walk through groups. Beyond them the directory counts as
// unreadable: to stop quietly would hide whatever lies behind.
const (
	maxGroups   = 2000
	inOneFilter = 50
)

// groups names every group an entry is in and tells whether one of them is
// administrative. It asks the groups for their members, level by level, rather
// than trusting memberOf, which not every server keeps and some keep badly.
func (d *Directory) groups(conn *ldapconn.Conn, doing, dn, login string) ([]string, bool, error) {
	seen := map[string]bool{ldapconn.DNKey(dn): true}
	level := []string{dn}
	var names []string
	admin := false
	for first := true; len(level) > 0; first = false {
		var next []string
		for part := range slices.Chunk(level, inOneFilter) {
			var filters []string
			for _, m := range part {
				filters = append(filters, ldapconn.Eq("member", m), ldapconn.Eq("uniqueMember", m))
			}
			if first {
				filters = append(filters, ldapconn.Eq("memberUid", login))
			}
			found, err := conn.Search(doing, subtree(d.cfg.GroupBaseDN, ldapconn.AnyOf(filters), 0, "cn"))
			if err != nil {
				return nil, false, unreachable(err)
			}
			for _, g := range found {
				key := ldapconn.DNKey(g.DN)
				if seen[key] {
					continue // a cycle, or two ways to one group
				}
				seen[key] = true
				next = append(next, g.DN)
				names = append(names, orElse(ldapconn.Text(g, "cn"), g.DN))
				admin = admin || d.admins[key]
			}
		}
		if len(seen) > maxGroups {
			return nil, false, conn.Fault(doing, directory.ErrUnreachable, "the account is in too many groups to follow")
		}
		level = next
	}
	slices.Sort(names)
	return slices.Compact(names), admin, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
