//go:build !unix

package sqlite

import (
	"errors"
	"os"
)

// acquire refuses: without a lock that ends with its process, two sequencers
// could sign two histories.
func acquire(string) (*os.File, error) {
	return nil, errors.New("the embedded store needs a Unix file lock, which this system does not have")
}
