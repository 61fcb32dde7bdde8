package policy

import "github.com/google/go-cmp/cmp"

func sameValue[T any](a, b T) bool { return cmp.Equal(a, b) }
