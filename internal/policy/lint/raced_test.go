//go:build race

package lint_test

// raced: the race detector watches, and everything takes ten times as long. It
// looks for something that made-up policies do not bring about more often.
const raced = true
