package proof

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheWordsCanBeToldApartOverABadLine(t *testing.T) {
	if len(wordlist) != 256 || !slices.IsSorted(wordlist) {
		t.Fatalf("%d words, sorted: %v; want 256 in order", len(wordlist), slices.IsSorted(wordlist))
	}
	begins := map[string]string{}
	for i, w := range wordlist {
		if len(w) < 4 || len(w) > 7 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q is not 4 to 7 plain letters", w)
			continue
		}
		if other := begins[w[:4]]; other != "" {
			t.Errorf("%s and %s begin alike", w, other)
		}
		begins[w[:4]] = w
		for _, v := range wordlist[:i] {
			if edits(v, w) < 3 {
				t.Errorf("%s and %s differ by fewer than three letters", v, w)
			}
		}
	}
}

// edits counts the letters to insert, drop or change.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func TestEditsAreCounted(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"maple", "maple"}: 0, {"maple", "table"}: 2, {"rocket", "pocket"}: 1, {"", "oven"}: 4, {"stone", "tones"}: 2,
	} {
		if got := edits(pair[0], pair[1]); got != want {
			t.Errorf("%v: %d; want %d", pair, got, want)
		}
	}
}

// The agent's screen, the message and a restarted server must all say the same.
func TestARequestKeepsItsWords(t *testing.T) {
	for request, want := range map[string]string{
		"":      "pasture-firefly",
		"req_1": "terrace-bubble",
		"req_2": "cactus-podium",
	} {
		if got := Words(request); got != want {
			t.Errorf("Words(%q) = %s; want %s", request, got, want)
		}
	}
}

func TestTheTwoWordsAreOfTheListAndDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request := rapid.String().Draw(t, "request")
		a, b, _ := strings.Cut(Words(request), "-")
		if a == b || !slices.Contains(wordlist, a) || !slices.Contains(wordlist, b) {
			t.Fatalf("%q has the words %q and %q", request, a, b)
		}
	})
}

// Every word comes up at both places about as often as any other, and two
// requests that are open together hardly ever share a pair.
func TestWordsAreSpreadEvenly(t *testing.T) {
	const n = 51_200 // 200 for each word and place
	var count [2]map[string]int
	count[0], count[1] = map[string]int{}, map[string]int{}
	pairs := map[string]int{}
	for i := range n {
		pair := Words(fmt.Sprintf("req_%d", i))
		a, b, _ := strings.Cut(pair, "-")
		count[0][a]++
		count[1][b]++
		pairs[pair]++
	}
	for place, of := range count {
		for _, w := range wordlist {
			if of[w] < 120 || of[w] > 280 { // more than five standard deviations
				t.Errorf("%s stands %d times at place %d; want about 200", w, of[w], place)
			}
		}
	}
	for pair, times := range pairs {
		if times > 12 {
			t.Errorf("%s belongs to %d requests of %d", pair, times, n)
		}
	}
}
