package console

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fieldTag  = regexp.MustCompile(`(?s)<(?:input|textarea)\b[^>]*>`)
	formTag   = regexp.MustCompile(`(?s)<form\b.*?</form>`)
	templated = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	attribute = regexp.MustCompile(`\b([a-z-]+)="([^"]*)"`)
)

// attributes are those of a tag, with what templates fill in taken out.
func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// Browsers and password managers fill in what a field says that it is, and
// keep what it does not say they shall not.
func TestEveryFieldSaysWhatABrowserMayFillIn(t *testing.T) {
	allowed := []string{"off", "one-time-code", "username", "email", "tel"}
	seen := 0
	for _, name := range glob(t, "*.html") {
		for _, tag := range fieldTag.FindAllString(templated.ReplaceAllString(string(read(t, name)), ""), -1) {
			a := attributes(tag)
			if slices.Contains([]string{"hidden", "radio", "checkbox", "file", "date"}, a["type"]) || strings.Contains(tag, " hidden") {
				continue
			}
			seen++
			if !slices.Contains(allowed, a["autocomplete"]) {
				t.Errorf("%s: %s says %q", name, tag, a["autocomplete"])
			}
			if a["name"] == "code" && !slices.Contains([]string{"off", "one-time-code"}, a["autocomplete"]) {
				t.Errorf("%s: a browser would keep the code of %s", name, tag)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d fields were looked at", seen)
	}
}

// What somebody types as a proof goes in a body: an address is kept by
// histories, proxies and logs.
func TestNoFormPutsASecretIntoAnAddress(t *testing.T) {
	secret := []string{"code", "token", "answer", "secret", "password", "new", "reason", "signature"}
	forms := 0
	for _, name := range glob(t, "*.html") {
		for _, form := range formTag.FindAllString(templated.ReplaceAllString(string(read(t, name)), ""), -1) {
			if forms++; attributes(form[:strings.Index(form, ">")+1])["method"] == "post" {
				continue
			}
			for _, tag := range fieldTag.FindAllString(form, -1) {
				if a := attributes(tag); slices.Contains(secret, a["name"]) || a["autocomplete"] == "one-time-code" {
					t.Errorf("%s: %s would stand in the address", name, tag)
				}
			}
		}
	}
	if forms < 20 {
		t.Errorf("only %d forms were looked at", forms)
	}
}
