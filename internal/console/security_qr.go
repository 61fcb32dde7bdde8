package console

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// qrCode is a QR code as a path of a drawing: nothing is loaded for it, and no
// file of it stays.
type qrCode struct {
	Size int    // with its quiet zone, in modules
	Path string // of the dark modules, as SVG path data
}

// quiet is how many light modules stand around the code (ISO/IEC 18004 asks
// for four).
const quiet = 4

func drawQR(text string) (*qrCode, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("console: drawing a code: %w", err)
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return &qrCode{code.Size + 2*quiet, b.String()}, nil
}
