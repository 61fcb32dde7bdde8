package sqlite

import "syscall"

// free is how much room is left where the file is; -1 when nobody can tell.
func free(path string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil || s.Bsize < 0 {
		return -1
	}
	return int64(min(s.Bavail, 1<<62/uint64(max(s.Bsize, 1)))) * s.Bsize //nolint:gosec // bounded just before
}
