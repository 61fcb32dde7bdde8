package identity

import "strings"

// Nearest is the one of words that a typing slip could have turned into word,
// or "" when none is close enough to be worth suggesting.
func Nearest(word string, words []string) string {
	best, least := "", (len(word)+1)/3
	if len(word) > 64 {
		return ""
	}
	for _, w := range words {
		if d := distance(strings.ToLower(word), w); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	return best
}

// distance counts the single-letter edits, a swap of neighbours being one.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
