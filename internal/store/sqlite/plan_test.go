package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/store"
	"countersign/internal/store/storetest"
)

// TestListsGoByAnIndexInTheirOrder holds every query that the pages ask to an
// index that gives the newest first: whatever is sorted or gone through is
// slow where there are a million.
func TestListsGoByAnIndexInTheirOrder(t *testing.T) {
	signer, verifier := storetest.Keys(t, "ledger.example.test/plan")
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "ledger.db"), Origin: "ledger.example.test/plan", Signer: signer, Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	some := []string{"proving", "approving", "done"}
	for name, try := range map[string]struct {
		q     store.RowQuery
		index string
	}{
		"all":                       {store.RowQuery{}, "sqlite_autoindex_requests"},
		"the next page":             {store.RowQuery{Before: "req_5"}, "sqlite_autoindex_requests"},
		"of a status":               {store.RowQuery{Statuses: some[:1]}, "requests_status"},
		"of some statuses":          {store.RowQuery{Statuses: some}, "requests_status"},
		"of a desk":                 {store.RowQuery{Desk: "night", Statuses: some}, "requests_desk"},
		"of an action":              {store.RowQuery{Action: "unlock", Statuses: some}, "requests_action"},
		"of a person":               {store.RowQuery{Person: "p"}, "requests_person"},
		"of a person, done":         {store.RowQuery{Person: "p", Statuses: some[2:]}, "requests_person"},
		"of a person, open":         {store.RowQuery{Person: "p", Statuses: some}, "requests_person"},
		"of a person, by action":    {store.RowQuery{Person: "p", Action: "unlock", Statuses: some}, "requests_person"},
		"of an account":             {store.RowQuery{Subject: "corp/1", Statuses: some}, "requests_subject"},
		"of an account, since when": {store.RowQuery{Subject: "corp/1", Since: time.Unix(1, 0)}, "requests_subject"},
	} {
		try.q.Limit = 25
		query, args := rowsOf(try.q)
		rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		rows.Close()
		if text := strings.Join(plan, "\n"); !strings.Contains(text, try.index) || strings.Contains(text, "SCAN requests\n") || strings.Contains(text, "USE TEMP B-TREE FOR ORDER BY") && len(try.q.Statuses) < 2 {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
