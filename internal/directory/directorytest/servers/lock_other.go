//go:build !unix

package servers

import "errors"

func lock(string, bool) (func(), bool, error) {
	return nil, false, errors.New("the servers run on Unix only")
}
