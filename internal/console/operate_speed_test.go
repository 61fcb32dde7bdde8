package console_test

import (
	"net/http"
	"testing"

	"countersign/internal/gate/gatetest"
)

// BenchmarkThePagesOfTheOperator renders each on a house with something in
// every section, over HTTP.
func BenchmarkThePagesOfTheOperator(b *testing.B) {
	h := gatetest.New(b, gatetest.Policy)
	busyRoster(h)
	s := openSite(b, h, nil)
	v := s.staff(gatetest.Olive)
	for _, path := range []string{"/roster", "/roster/history", "/parts", "/setup"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				v.get(path).is(http.StatusOK)
			}
		})
	}
}
