package main

import "testing"

func TestAPageMayCutOutLinesButNotChangeThem(t *testing.T) {
	for _, x := range []struct {
		shown, printed string
		want           bool
	}{
		{"", "", true},
		{"a\nb\n", "a\nb\n", true},
		{"a\n", "a\nb\n", false},
		{"", "a\n", false},
		{"a\n…\n", "a\nb\nc\n", true},
		{"…\nc\n", "a\nb\nc\n", true},
		{"…\nb\n", "a\nb\nc\n", false},
		{"a\n…\nc\n", "a\nb\nc\n", true},
		{"a\n…\n\nc\n", "a\n\nb\n\nc\n", true},
		{"a\n…\nc\nb\n…\n", "a\nb\nc\n", false},
		{"…\nb\n…\n", "a\nb\nc\n", true},
		{"…\nx\n…\n", "a\nb\nc\n", false},
	} {
		if got := shows(x.shown, x.printed); got != x.want {
			t.Errorf("%q of %q: %v", x.shown, x.printed, got)
		}
	}
}
