package activedirectory

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// guidText prints an objectGUID as Microsoft's tools do: the first three fields
// are little-endian (MS-DTYP §2.3.4.2).
func guidText(b []byte) (string, error) {
	if len(b) != 16 {
		return "", fmt.Errorf("objectGUID has %d bytes, not 16", len(b))
	}
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:]), nil
}

// guidBytes reads what guidText prints and nothing else, so that an account has
// one id and not two.
func guidBytes(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return nil, errors.New("not an objectGUID")
	}
	for _, f := range [][]byte{b[0:4], b[4:6], b[6:8]} {
		for i, j := 0, len(f)-1; i < j; i, j = i+1, j-1 {
			f[i], f[j] = f[j], f[i]
		}
	}
	if back, _ := guidText(b); back != s {
		return nil, errors.New("not an objectGUID in canonical form")
	}
	return b, nil
}

// sidText prints a security identifier as S-1-5-… (MS-DTYP §2.4.2.1).
func sidText(b []byte) (string, error) {
	if len(b) < 8 || b[0] != 1 || b[1] > 15 || len(b) != 8+4*int(b[1]) {
		return "", errors.New("malformed security identifier")
	}
	authority := uint64(binary.BigEndian.Uint16(b[2:]))<<32 | uint64(binary.BigEndian.Uint32(b[4:]))
	s := "S-1-" + strconv.FormatUint(authority, 10)
	for i := 8; i < len(b); i += 4 {
		s += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(b[i:])), 10)
	}
	return s, nil
}

// fileTime reads 100-nanosecond steps since 1601. The zero time stands for 0,
// for "never" and for what is no number.
func fileTime(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	const never = 1<<63 - 1
	if err != nil || n <= 0 || n == never {
		return time.Time{}
	}
	const epoch = 11644473600 // seconds from 1601 to 1970
	return time.Unix(n/1e7-epoch, n%1e7*100).UTC()
}

// largeInteger reads a moment as Active Directory stores one. The zero time
// stands for 0, which it keeps where nothing is set. Not ok is what is another
// form, or "never", which is no day.
func largeInteger(s string) (at time.Time, ok bool) {
	if s == "0" {
		return time.Time{}, true
	}
	if at = fileTime(s); len(s) < 17 || at.IsZero() {
		return time.Time{}, false // fewer digits are years before 1918, or a date
	}
	return at, true
}

// quoted is the form unicodePwd wants: in quotation marks, UTF-16LE
// (MS-ADTS §3.1.1.3.1.5).
func quoted(secret string) (string, error) {
	if secret == "" || !utf8.ValidString(secret) || strings.ContainsRune(secret, 0) {
		return "", errors.New("the new password is empty or not text")
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + secret + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b), nil
}
