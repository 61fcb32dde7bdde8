package scenario

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// clock is the server's. It stands still until a script moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock shows the next Monday at nine. It never shows a time before the
// real one: the job queue would take every timer for due.
func newClock() *clock {
	at := time.Now().UTC().Truncate(24 * time.Hour).Add(33 * time.Hour)
	for at.Weekday() != time.Monday {
		at = at.Add(24 * time.Hour)
	}
	return &clock{at: at}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// queue looks at the server's jobs from outside. The queue keeps real time, and
// a script's clock is its own, so a job that the script has made due is handed
// over here; and only here can be seen that nothing is left to be done.
type queue struct {
	db    *sql.DB
	clock *clock
}

func openQueue(file string, c *clock) (*queue, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, fmt.Errorf("scenario: opening the job queue: %w", err)
	}
	db.SetMaxOpenConns(1)
	return &queue{db, c}, nil
}

// patience bounds how long a script waits for the server's own work.
const patience = 2 * time.Minute

// settle hands over what is due and waits until nothing more is.
func (q *queue) settle() error {
	for end := time.Now().Add(patience); ; {
		busy, err := q.due()
		if err != nil || !busy {
			return err
		}
		if time.Now().After(end) {
			return errors.New("the server's own work does not come to an end")
		}
		pause()
	}
}

// pause lets the server work; what is waited for is seen, not assumed.
func pause() { <-time.After(2 * time.Millisecond) }

// due makes the jobs available whose time has come on the script's clock, and
// reports whether one is waiting or running. One that failed is tried again
// when the script next moves.
func (q *queue) due() (bool, error) {
	rows, err := q.db.Query(`SELECT id, state, json(args), attempt FROM river_job WHERE state IN ('available', 'running', 'scheduled')`)
	if err != nil {
		return false, fmt.Errorf("scenario: reading the job queue: %w", err)
	}
	defer rows.Close()
	busy := false
	var late []int64
	for rows.Next() {
		var id, attempt int64
		var state string
		var raw []byte
		if err := rows.Scan(&id, &state, &raw, &attempt); err != nil {
			return false, err
		}
		var job struct {
			RunAt time.Time `json:"run_at"`
		}
		if err := json.Unmarshal(raw, &job); err != nil {
			return false, err
		}
		ripe := !job.RunAt.After(q.clock.now())
		busy = busy || state == "running" || ripe
		if state == "scheduled" && ripe {
			late = append(late, id)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return false, err
	}
	for _, id := range late {
		if err := q.ready(id); err != nil {
			return false, err
		}
	}
	return busy, nil
}

func (q *queue) ready(id int64) error {
	_, err := q.db.Exec(`UPDATE river_job SET state = 'available', scheduled_at = datetime('now', '-1 second') WHERE id = ? AND state IN ('scheduled', 'retryable')`, id)
	return err
}

// retry hands over what failed before.
func (q *queue) retry() error {
	_, err := q.db.Exec(`UPDATE river_job SET state = 'available', scheduled_at = datetime('now', '-1 second') WHERE state = 'retryable'`)
	return err
}

// damage makes the local directory unreadable, as one is that is down, and
// mend makes it what it was.
func (q *queue) damage() error {
	_, err := q.db.Exec(`UPDATE items SET value = CAST('!' || value AS BLOB) WHERE shelf = 'local_account'`)
	return err
}

func (q *queue) mend() error {
	_, err := q.db.Exec(`UPDATE items SET value = substr(value, 2) WHERE shelf = 'local_account'`)
	return err
}

// account is the stored form of a local account, as far as it can be told
// whether somebody changed what opens it.
func (q *queue) account(object string) (string, error) {
	var raw []byte
	err := q.db.QueryRow(`SELECT value FROM items WHERE shelf = 'local_account' AND key = ?`, object).Scan(&raw)
	if err != nil {
		return "", fmt.Errorf("scenario: looking at account %s: %w", object, err)
	}
	var r struct {
		Hash       string          `json:"hash"`
		MustChange bool            `json:"must_change"`
		Disabled   bool            `json:"disabled"`
		Failures   int             `json:"failures"`
		Factors    json.RawMessage `json:"factors"`
		Groups     json.RawMessage `json:"groups"`
		Contacts   json.RawMessage `json:"contacts"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return "", err
	}
	seen, err := json.Marshal(r)
	return string(seen), err
}
