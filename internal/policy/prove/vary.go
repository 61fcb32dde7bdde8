package prove

import (
	"regexp"
	"slices"
	"strings"

	"countersign/internal/policy"
)

const mostVariations = 200

var quotedText = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)

// vary tries requests beside one that was not confirmed: what has no form may
// come out as the model wants it once a fact that it reads is one of the texts
// that it names. The policy itself says whether it does.
func (h *hunt) vary(m *meant, f policy.Facts) (policy.Facts, bool) {
	tries := 0
	for _, a := range m.atoms {
		if a.kind != isOpaque {
			continue
		}
		var texts []string
		for _, q := range quotedText.FindAllStringSubmatch(a.text, -1) {
			texts = append(texts, q[1], q[1]+"x", "x"+q[1], strings.TrimSuffix(q[1], "x"))
		}
		texts = append(texts, "", "a", "ab")
		for change := range variations(a.text, texts) {
			if tries++; tries > mostVariations {
				return f, false
			}
			g := clone(f)
			change(&g)
			if h.confirm(g) {
				return g, true
			}
		}
	}
	return f, false
}

// variations are changes to the facts that a source names.
func variations(source string, texts []string) func(yield func(func(*policy.Facts)) bool) {
	return func(yield func(func(*policy.Facts)) bool) {
		for _, list := range sortedKeys(textLists) {
			if !strings.Contains(source, list) {
				continue
			}
			for _, t := range texts {
				for _, where := range []int{0, 1} {
					if !yield(func(f *policy.Facts) {
						at := textLists[list](f)
						*at = slices.Insert(*at, where*len(*at), t)
					}) {
						return
					}
				}
			}
		}
		for _, path := range sortedKeys(textFacts) {
			list, _, _ := strings.Cut(path, ".")
			if textLists[path] != nil || slices.Contains(objectLists, list) || !strings.Contains(source, path) {
				continue
			}
			for _, t := range texts {
				if !yield(func(f *policy.Facts) { *textFacts[path].at(f, -1) = t }) {
					return
				}
			}
		}
	}
}
