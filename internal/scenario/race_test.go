//go:build race

package scenario_test

// raced: the race detector makes every script ten times as slow.
const raced = true
