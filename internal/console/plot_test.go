package console

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/quick"
)

func TestAScaleEndsAtARoundNumberThatHasRoomForAll(t *testing.T) {
	for most, want := range map[int64]string{
		0: "1 [1]", 1: "1 [1]", 3: "3 [1 2 3]", 4: "4 [1 2 3 4]", 5: "6 [2 4 6]", 17: "20 [5 10 15 20]", 100: "100 [50 100]",
		1_000_000: "1000000 [500000 1000000]", -7: "1 [1]",
	} {
		if end, at := niceScale(most, 4); fmt.Sprint(end, " ", at) != want {
			t.Errorf("up to %d: %v %v, want %s", most, end, at, want)
		}
	}
	err := quick.Check(func(n uint32) bool {
		end, at := niceScale(int64(n), 4)
		return end >= int64(n) && len(at) <= 4 && at[len(at)-1] == end && (n == 0 || end <= 10*int64(n))
	}, nil)
	if err != nil {
		t.Error(err)
	}
	if end, at := niceScale(math.MaxInt64/4, 4); end < math.MaxInt64/4 || len(at) == 0 {
		t.Error("a huge number has no scale")
	}
}

var twoBands = []band{{"a", msg("A")}, {"b", msg("B")}}

func TestColumnsStandOnTheBaseAndStayInThePlot(t *testing.T) {
	err := quick.Check(func(data [][2]int32) bool {
		if len(data) > 366 {
			data = data[:366]
		}
		var in []columnOf
		for _, d := range data {
			in = append(in, columnOf{Parts: []int64{int64(d[0]), int64(d[1])}})
		}
		p := columns(twoBands, in)
		for _, s := range p.Stacks {
			y := float64(p.Base)
			for _, b := range s.Parts {
				if y -= b.Height; b.Height < 0 || math.Abs(b.Y-y) > .3 || b.Y < columnTop-.2 {
					return false
				}
			}
			if s.X < 0 || s.X+s.Width > 100.001 {
				return false
			}
		}
		return len(p.Stacks) <= len(data) && len(p.Marks) <= 4
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

func TestColumnsOfNothingOfOneAndOfVeryDifferentNumbers(t *testing.T) {
	if p := columns(twoBands, nil); len(p.Stacks) != 0 || len(p.Grid) != 0 {
		t.Errorf("of nothing: %+v", p)
	}
	p := columns(twoBands, []columnOf{{Parts: []int64{0, 0}}})
	if len(p.Stacks) != 0 || len(p.Grid) != 1 {
		t.Errorf("of a day without any: %+v", p)
	}
	p = columns(twoBands, []columnOf{{Parts: []int64{3, 1}}})
	if got := fmt.Sprint(p.Stacks[0].Parts); got != "[{a 58.5 127.5} {b 16 42.5}]" {
		t.Errorf("of one: %s", got)
	}
	if p.Marks[0].Anchor != "middle" || p.Marks[0].X != 50 {
		t.Errorf("its label: %+v", p.Marks)
	}
	p = columns(twoBands, []columnOf{{Parts: []int64{1, 0}}, {Parts: []int64{1_000_000, 0}}})
	if h := p.Stacks[0].Parts[0].Height; h != 0 {
		t.Errorf("one beside a million is %v high", h)
	}
	if got := string(p.Stacks[1].Drawn()); got != `<rect class="band a" x="56%" width="38%" y="16" height="170"/>` {
		t.Errorf("drawn: %s", got)
	}
	if p.Grid[len(p.Grid)-1].Y != columnTop {
		t.Errorf("the highest line: %+v", p.Grid)
	}
}

func TestLabelsStayInThePlotAndApart(t *testing.T) {
	for n := range 400 {
		at := sparse(n, 5)
		if len(at) > 5 || n > 0 && at[0] != 0 {
			t.Errorf("of %d: %v", n, at)
		}
	}
	if m := below(1, 0, msg("x")); m.Anchor != "start" || m.X != 0 {
		t.Errorf("at the edge: %+v", m)
	}
	if m := below(99, 0, msg("x")); m.Anchor != "end" || m.X != 100 {
		t.Errorf("at the other edge: %+v", m)
	}
	last := across(-100)
	for _, m := range durationAxis(0) {
		if m.X-last < 15 || m.X > 95 {
			t.Errorf("%s stands at %s, after %s", m.Label, m.X, last)
		}
		last = m.X
	}
}

func TestDurationsStandInTheirOrderOnTheAxis(t *testing.T) {
	last := across(-1)
	for _, s := range []int64{60, 120, 600, 3600, 86400, 604800, 1209600} {
		x := lastingAt(s)
		if x <= last || x > 100 {
			t.Errorf("%d seconds stand at %s, after %s", s, x, last)
		}
		last = x
	}
	for _, s := range []int64{-5, 0, 30} {
		if lastingAt(s) != 0 {
			t.Errorf("%d seconds stand at %s", s, lastingAt(s))
		}
	}
	if s := stretch(604800, 0); s.X+s.Width != 100 || s.Width <= 0 {
		t.Errorf("longer than any: %+v", s)
	}
	for seconds, want := range map[int64]string{30: "30 s", 60: "1 min", 5400: "90 min", 3600: "1 h", 43200: "12 h", 86400: "1 d", 604800: "7 d"} {
		if got := lasting(seconds).String(); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}

func TestBarsAreAsLongAsTheirNumbers(t *testing.T) {
	if got := bars(nil, nil); len(got) != 0 {
		t.Error("bars of nothing")
	}
	got := bars(make([]bar, 4), []int64{200, 100, 0, -5})
	if got[0].Length != 100 || got[1].Length != 50 || got[2].Length != 0 || got[3].Length != 0 {
		t.Errorf("%+v", got)
	}
	if got := bars(make([]bar, 1), []int64{0}); got[0].Length != 0 {
		t.Errorf("%+v", got)
	}
	for x, want := range map[across]string{0: "0%", 100: "100%", 33.33333: "33.33%", 12.5: "12.5%"} {
		if x.String() != want {
			t.Errorf("%s, want %s", x, want)
		}
	}
}

func TestAWeekShowsTheHoursThatHaveAny(t *testing.T) {
	var hours [7][24]int64
	hours[0][0], hours[6][23], hours[3][12] = 1, 8, 4
	p := heat(hours, func(d int) message { return msg("%d", d) }, func(d, h int, n int64) message { return msg("%d/%d: %d", d, h, n) })
	if len(p.Cells) != 3 || len(p.Days) != 7 || p.Cells[0].Level != 1 || p.Cells[1].Level != 2 || p.Cells[2].Level != 4 {
		t.Errorf("cells: %+v", p.Cells)
	}
	for _, c := range p.Cells {
		if c.X < heatLeft || c.X+c.Width > 100.001 || c.Y+p.Line > p.Height {
			t.Errorf("outside: %+v", c)
		}
	}
	if p.Cells[2].Title.String() != "6/23: 8" {
		t.Errorf("title: %s", p.Cells[2].Title)
	}
	if p := heat([7][24]int64{}, func(int) message { return msg("") }, func(int, int, int64) message { return msg("") }); len(p.Cells) != 0 || len(p.Days) != 7 {
		t.Errorf("a week of nothing: %+v", p)
	}
}

func TestThousandsCanBeToldApart(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 9999: "9999", 12040: "12 040", 1234567: "1 234 567"} {
		if got := strings.ReplaceAll(grouped(n), "\u202f", " "); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
