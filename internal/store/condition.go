package store

import (
	"encoding/json"
	"time"
)

// Condition is how a store is, as far as it can tell in a few milliseconds: for
// those who watch it. None of it is a fact that anything is decided on.
type Condition struct {
	Queues []Queue // by kind; kinds without jobs are left out
	Stuck  []Stuck // given up first, then those that wait longest; at most MaxStuck
	Size   int64   // in bytes, of all its files; -1 where it cannot tell
	Free   int64   // in bytes, where they grow; -1 where it cannot tell
}

// MaxStuck is how many jobs a Condition names.
const MaxStuck = 20

// Queue is how the jobs of one kind stand.
type Queue struct {
	Kind     string
	Waiting  int       // due and not begun
	Oldest   time.Time // when the first of them was due; zero when none waits
	Running  int
	Later    int // not due yet, and never tried
	Retrying int // tried in vain, and to be tried again
	GivenUp  int // tried too often, or dropped
}

// Stuck is a job that was tried in vain.
type Stuck struct {
	Kind     string
	Args     json.RawMessage
	Attempts int
	Max      int
	Since    time.Time // when it was asked for
	Last     time.Time // when it was last tried; zero where nobody can tell
	Next     time.Time // when it is tried again; zero: never, it was given up
}
