package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/internal/outbound"
)

var (
	errNotJSON = errors.New("the answer is not JSON")
	errMissing = errors.New("the answer does not have it")
	errNoTime  = errors.New("it is not a time as configured")
)

// read finds a value in a JSON answer and closes the answer.
func read(resp *http.Response, path string) (any, error) {
	text, err := outbound.ReadAll(resp, maxAnswer)
	if err != nil {
		return nil, err
	}
	return find(text, path)
}

// find follows a path through objects, by the names of members, and through
// lists, by places from 0.
func find(text []byte, path string) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	for _, step := range strings.Split(path, ".") {
		var ok bool
		switch in := v.(type) {
		case map[string]any:
			v, ok = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if ok = err == nil && i >= 0 && i < len(in) && strconv.Itoa(i) == step; ok {
				v = in[i]
			}
		}
		if !ok {
			return nil, errMissing
		}
	}
	return v, nil
}

// written is a single value as it stands in the answer, without quotes.
func written(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

var units = map[Unit]time.Duration{Seconds: time.Second, Hours: time.Hour, Days: 24 * time.Hour}

// firstSIM is before the first SIM card was sold. Systems write such times for
// "unknown", above all the years 1 and 1970, and an unknown time must not pass
// for a long one.
var firstSIM = time.Date(1991, time.January, 1, 0, 0, 0, 0, time.UTC)

// moment reads the time of a SIM change. A time in the future is left as it
// is: it is younger than any age that somebody asks for.
func moment(v any, unit Unit, now time.Time) (time.Time, error) {
	var at time.Time
	switch v := v.(type) {
	case string:
		t, err := time.Parse(time.RFC3339, v)
		if err != nil || unit != Time && unit != "" {
			return at, errNoTime
		}
		at = t
	case json.Number:
		age, err := v.Float64()
		size := units[unit]
		if err != nil || size == 0 || age < 0 || age > float64(now.Sub(firstSIM)/size) {
			return at, errNoTime
		}
		at = now.Add(-time.Duration(age * float64(size)))
	default:
		return at, errNoTime
	}
	if at.Before(firstSIM) {
		return time.Time{}, fmt.Errorf("%w: it lies before there were SIM cards", errNoTime)
	}
	return at.UTC(), nil
}
