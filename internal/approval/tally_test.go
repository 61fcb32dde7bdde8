package approval_test

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/identity"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// TestTable reads testdata/tally.txt: a blank-line separated list of cases of
// the form "need ROLE N", "vote PERSON ROLE,ROLE [deny|old|late]", "bar
// PERSON", and last "=> granted" or "=> missing N ROLE …" or "=> denied by P".
func TestTable(t *testing.T) {
	f, err := os.Open("testdata/tally.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var c tallyCase
	cases := 0
	for line, sc := 1, bufio.NewScanner(f); sc.Scan(); line++ {
		if want, done := strings.CutPrefix(sc.Text(), "=> "); done {
			cases++
			if got := c.verdict(); got != want {
				t.Errorf("line %d: got %q, want %q", line, got, want)
			}
			c = tallyCase{}
			continue
		}
		if err := c.read(strings.Fields(sc.Text())); err != nil {
			t.Fatalf("line %d: %v", line, err)
		}
	}
	if cases < 12 {
		t.Fatalf("only %d cases were read", cases)
	}
}

type tallyCase struct {
	needs  []approval.Need
	votes  []approval.Vote
	barred []identity.PersonID
}

func (c *tallyCase) read(words []string) error {
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	switch words[0] {
	case "need":
		n, err := strconv.Atoi(words[2])
		c.needs = append(c.needs, approval.Need{Role: identity.Role(words[1]), Count: n})
		return err
	case "bar":
		c.barred = append(c.barred, identity.PersonID(words[1]))
	case "vote":
		v := approval.Vote{Person: identity.PersonID(words[1]), Statement: "now", Until: noon.Add(time.Hour)}
		for r := range strings.SplitSeq(words[2], ",") {
			v.Roles = append(v.Roles, identity.Role(r))
		}
		switch strings.Join(words[3:], " ") {
		case "deny":
			v.Deny = true
		case "old":
			v.Statement = "before"
		case "late":
			v.Until = noon
		case "deny old":
			v.Deny, v.Statement = true, "before"
		}
		c.votes = append(c.votes, v)
	default:
		return fmt.Errorf("unknown word %q", words[0])
	}
	return nil
}

func (c *tallyCase) verdict() string {
	v := approval.Tally(c.needs, c.votes, c.barred, "now", noon)
	switch {
	case v.Denied:
		return "denied by " + string(v.DeniedBy)
	case v.Granted:
		return "granted"
	}
	var parts []string
	for _, n := range v.Missing {
		parts = append(parts, n.String())
	}
	return "missing " + strings.Join(parts, ", ")
}

func votes(t *rapid.T) []approval.Vote {
	roles := []identity.Role{identity.Manager, identity.Security, identity.ResourceOwner}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) approval.Vote {
		return approval.Vote{
			Person:    identity.PersonID(rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "person")),
			Roles:     rapid.SliceOfDistinct(rapid.SampledFrom(roles), func(r identity.Role) identity.Role { return r }).Draw(t, "roles"),
			Deny:      rapid.IntRange(0, 9).Draw(t, "deny") == 0,
			Statement: rapid.SampledFrom([]string{"now", "now", "before"}).Draw(t, "statement"),
			Until:     noon.Add(time.Duration(rapid.IntRange(-1, 2).Draw(t, "until")) * time.Hour),
		}
	}), 0, 6).Draw(t, "votes")
}

func needs(t *rapid.T) []approval.Need {
	var ns []approval.Need
	for _, r := range []identity.Role{identity.Manager, identity.Security} {
		if k := rapid.IntRange(0, 2).Draw(t, string(r)); k > 0 {
			ns = append(ns, approval.Need{Role: r, Count: k})
		}
	}
	return ns
}

// possible decides by brute force whether distinct persons can fill all places.
func possible(places []identity.Role, vs []approval.Vote) bool {
	if len(places) == 0 {
		return true
	}
	for i, v := range vs {
		if slices.Contains(v.Roles, places[0]) {
			rest := slices.Concat(vs[:i], vs[i+1:])
			rest = slices.DeleteFunc(rest, func(o approval.Vote) bool { return o.Person == v.Person })
			if possible(places[1:], rest) {
				return true
			}
		}
	}
	return false
}

func TestGrantedExactlyWhenDistinctPersonsCanFillEveryPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns, vs := needs(t), votes(t)
		barred := []identity.PersonID{"d"}
		var places []identity.Role
		for _, n := range ns {
			places = append(places, slices.Repeat([]identity.Role{n.Role}, n.Count)...)
		}
		veto := slices.ContainsFunc(vs, func(v approval.Vote) bool { return v.Deny })
		var good []approval.Vote
		for _, v := range vs {
			seen := slices.ContainsFunc(good, func(o approval.Vote) bool { return o.Person == v.Person })
			if v.Person != "" && v.Person != "d" && v.Statement == "now" && noon.Before(v.Until) && !v.Deny && !seen {
				good = append(good, v)
			}
		}
		want := !veto && possible(places, good)
		if got := approval.Tally(ns, vs, barred, "now", noon); got.Granted != want {
			t.Fatalf("Granted = %v, want %v (missing %v, void %v)", got.Granted, want, got.Missing, got.Void)
		}
	})
}

func TestMoreIsNeverAskedLessAfterANeedIsAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns, vs := needs(t), votes(t)
		more := append(slices.Clone(ns), approval.Need{Role: identity.ResourceOwner, Count: 1})
		if !approval.Tally(ns, vs, nil, "now", noon).Granted && approval.Tally(more, vs, nil, "now", noon).Granted {
			t.Fatal("a further need turned a refusal into a grant")
		}
	})
}
