package main

type demoVerb struct{}

// Run plays.
func (demoVerb) Run(*env) error { return nil }
