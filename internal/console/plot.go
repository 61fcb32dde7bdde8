package console

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// Plots are drawn on the server: a function makes of numbers what a template
// draws as SVG. Positions across are in per cent of the plot, so that it takes
// the width there is while its letters keep their size; positions down are in
// pixels.

// across is a position or a width, in per cent of the plot.
type across float64

func (x across) String() string {
	return strconv.FormatFloat(math.Round(float64(x)*100)/100, 'f', -1, 64) + "%"
}

// share is which part of a whole something is; 0 where there is no whole.
func share(part, whole int64) across {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return across(min(100, 100*float64(part)/float64(whole)))
}

// niceScale ends at a round number that is not below most, and has marks at
// most so many round numbers on the way, 0 left out.
func niceScale(most int64, marks int) (end int64, at []int64) {
	most = max(most, 1)
	step := niceStep(most, marks)
	for mark := step; ; mark += step {
		at = append(at, mark)
		if mark >= most {
			return mark, at
		}
	}
}

// niceStep is 1, 2 or 5 times a power of ten, the smallest that gets past most
// in so many steps.
func niceStep(most int64, steps int) int64 {
	for power := int64(1); ; power *= 10 {
		for _, digit := range []int64{1, 2, 5} {
			if step := digit * power; step >= (most+int64(steps)-1)/int64(steps) || step > math.MaxInt64/20 {
				return step
			}
		}
	}
}

// sparse picks the indexes of at most so many of n things, evenly, the first
// among them, so that their labels have room.
func sparse(n, most int) []int {
	if n == 0 {
		return nil
	}
	step := (n + most - 1) / most
	var out []int
	for i := 0; i < n; i += step {
		out = append(out, i)
	}
	return out
}

// mark is a label on an axis. Anchor says where the letters are of it.
type mark struct {
	X      across
	Y      int
	Label  message
	Anchor string // start, middle, end
}

// columnPlot is columns of stacked parts.
type columnPlot struct {
	Height int // of the drawing, letters included
	Base   int // where columns stand
	Grid   []mark
	Marks  []mark // below the columns
	Stacks []stack
	Bands  []band
}

// band is a part that columns may have; its words stand in the legend.
type band struct {
	Class string
	Words message
}

type stack struct {
	X, Width across
	Title    message
	Parts    []block
}

// Drawn is the stack as SVG: only numbers, and classes that the program names.
func (s stack) Drawn() template.HTML {
	var b strings.Builder
	for _, p := range s.Parts {
		fmt.Fprintf(&b, `<rect class="band %s" x="%s" width="%s" y="%g" height="%g"/>`, p.Class, s.X, s.Width, p.Y, p.Height)
	}
	return template.HTML(b.String()) //nolint:gosec // see above
}

type block struct {
	Class     string
	Y, Height float64
}

const (
	columnTop  = 16  // room for the letters above the highest line
	columnBody = 170 // of the columns
	columnFoot = 24  // room for the letters below
)

// columnOf is one column's data: a number for each band.
type columnOf struct {
	Label message // below it, where there is room
	Title message // what it says when it is pointed at
	Parts []int64
}

// columns draws them. Negative numbers count as none.
func columns(bands []band, data []columnOf) columnPlot {
	p := columnPlot{Height: columnTop + columnBody + columnFoot, Base: columnTop + columnBody, Bands: bands}
	if len(data) == 0 {
		return p
	}
	var most int64
	for _, d := range data {
		most = max(most, sumOf(d.Parts))
	}
	end, grid := niceScale(most, 4)
	for _, g := range grid {
		p.Grid = append(p.Grid, mark{Y: p.Base - int(math.Round(columnBody*float64(g)/float64(end))), Label: msg("%s", grouped(g))})
	}
	slot := 100 / across(len(data))
	for i, d := range data {
		if sumOf(d.Parts) > 0 {
			p.Stacks = append(p.Stacks, stacked(d, bands, end, slot*across(i)+slot*.12, slot*.76))
		}
	}
	for _, i := range sparse(len(data), 4) {
		p.Marks = append(p.Marks, below(slot*across(i)+slot/2, p.Height-6, data[i].Label))
	}
	return p
}

func stacked(d columnOf, bands []band, end int64, x, width across) stack {
	s := stack{X: x, Width: width, Title: d.Title}
	top := float64(columnTop + columnBody)
	for i, n := range d.Parts {
		if n <= 0 {
			continue
		}
		height := columnBody * float64(n) / float64(end)
		top -= height
		s.Parts = append(s.Parts, block{bands[i].Class, math.Round(top*10) / 10, math.Round(height*10) / 10})
	}
	return s
}

func sumOf(parts []int64) (all int64) {
	for _, n := range parts {
		all += max(n, 0)
	}
	return all
}

// below places a label under a point so that it does not leave the plot.
func below(x across, y int, label message) mark {
	m := mark{X: x, Y: y, Label: label, Anchor: "middle"}
	switch {
	case x < 6:
		m.X, m.Anchor = 0, "start"
	case x > 94:
		m.X, m.Anchor = 100, "end"
	}
	return m
}

// bar is a line of a list with a bar as long as its number.
type bar struct {
	Label  message
	Name   string // beside the label, as somebody wrote it
	Value  message
	Length across
}

// bars gives each bar its length, of the longest.
func bars(list []bar, numbers []int64) []bar {
	var most int64
	for _, n := range numbers {
		most = max(most, n)
	}
	for i := range list {
		list[i].Length = share(numbers[i], most)
	}
	return list
}

// The axis of durations is of powers, from half a minute to two weeks: minutes
// and days can both be read on it.
var (
	shortest, longest = 30 * time.Second, 14 * 24 * time.Hour
	durationMarks     = []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 8 * time.Hour, 72 * time.Hour}
)

// lastingAt is where a duration, in seconds, stands on that axis.
func lastingAt(seconds int64) across {
	d := max(min(time.Duration(seconds)*time.Second, longest), shortest)
	return across(100 * math.Log(float64(d)/float64(shortest)) / math.Log(float64(longest)/float64(shortest)))
}

// durationAxis are its marks.
func durationAxis(y int) (all []mark) {
	for _, d := range durationMarks {
		all = append(all, mark{X: lastingAt(int64(d / time.Second)), Y: y, Label: lasting(int64(d / time.Second)), Anchor: "middle"})
	}
	return all
}

// spanOf is a stretch of the axis of durations.
type spanOf struct{ X, Width across }

// End is where it ends.
func (s spanOf) End() across { return s.X + s.Width }

func stretch(after, within int64) spanOf {
	from, to := lastingAt(after), across(100)
	if within > 0 {
		to = lastingAt(within)
	}
	return spanOf{from, to - from}
}

// lasting says a duration in the largest unit that it is whole in.
func lasting(seconds int64) message {
	switch {
	case seconds >= 86400 && seconds%86400 == 0:
		return msg("%d d", seconds/86400)
	case seconds >= 3600 && seconds%3600 == 0:
		return msg("%d h", seconds/3600)
	case seconds > 0 && seconds%60 == 0:
		return msg("%d min", seconds/60)
	}
	return msg("%d s", seconds)
}

// grouped writes a number so that thousands can be told apart.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	if len(digits) < 5 {
		return digits
	}
	out := ""
	for len(digits) > 3 {
		out = "\u202f" + digits[len(digits)-3:] + out
		digits = digits[:len(digits)-3]
	}
	return digits + out
}

// cell is an hour of a week.
type cell struct {
	X     across
	Width across
	Y     int
	N     int64
	Level int // 1 to 4
	Title message
}

// Middle is where its number stands.
func (c cell) Middle() across { return c.X + c.Width/2 }

// Drawn is the cell as SVG, as high as a line: only numbers.
func (c cell) Drawn(line int) template.HTML {
	return template.HTML(fmt.Sprintf(`<rect class="cell l%d" x="%s" y="%d" width="%s" height="%d"/><text class="n l%d" x="%s" y="%d" dy="17" text-anchor="middle">%d</text>`, //nolint:gosec // see above
		c.Level, c.X, c.Y, c.Width, line, c.Level, c.Middle(), c.Y, c.N))
}

// heatPlot is a week, a line a day and a cell an hour. Hours without any have
// no cell: what lies below all of them shows through.
type heatPlot struct {
	Height int
	Line   int // of a day
	Left   across
	Cells  []cell
	Days   []mark
	Hours  []mark
}

// Lines are where the days begin.
func (p heatPlot) Lines() (at []int) {
	for d := range p.Days {
		at = append(at, d*p.Line)
	}
	return at
}

const (
	heatLeft = across(9) // room for the days' names
	heatLine = 26
)

// heat draws numbers by weekday, Monday first, and hour. The levels are
// quarters of the highest number.
func heat(hours [7][24]int64, weekday func(int) message, title func(day, hour int, n int64) message) heatPlot {
	p := heatPlot{Height: 7*heatLine + columnFoot, Line: heatLine, Left: heatLeft}
	var most int64
	for _, day := range hours {
		for _, n := range day {
			most = max(most, n)
		}
	}
	width := (100 - heatLeft) / 24
	for d, day := range hours {
		p.Days = append(p.Days, mark{Y: d*heatLine + heatLine/2 + 4, Label: weekday(d), Anchor: "start"})
		for h, n := range day {
			if n <= 0 {
				continue
			}
			p.Cells = append(p.Cells, cell{heatLeft + width*across(h), width, d * heatLine, n, levelOf(n, most), title(d, h, n)})
		}
	}
	for h := 0; h < 24; h += 6 {
		p.Hours = append(p.Hours, mark{X: heatLeft + width*across(h), Y: p.Height - 6, Label: msg("%02d:00", h), Anchor: "start"})
	}
	return p
}

// levelOf is 0 for none, and 1 to 4 by quarters of the most.
func levelOf(n, most int64) int {
	if n <= 0 || most <= 0 {
		return 0
	}
	return int(min(4, 1+(n-1)*4/most))
}
