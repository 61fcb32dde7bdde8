package prove

import (
	"os"
	"strconv"
)

// testScale is how often a test makes something up: n times, or as many times
// as COUNTERSIGN_PROVE_SCALE says.
func testScale(n int) int {
	if raced {
		return max(n/10, 1)
	}
	if k, err := strconv.Atoi(os.Getenv("COUNTERSIGN_PROVE_SCALE")); err == nil && k > 0 {
		return n * k
	}
	return n
}
