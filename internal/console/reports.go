package console

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// reportsPage shows figures: what happened on the days that the reader chose.
type reportsPage struct {
	gate.Figures
	Range  figureRange
	Ranges []figureRange
	Empty  bool // nothing happened in these days

	Opened, Ended, Done, Problems string // the four numbers at the top
	Half                          message

	Volume    figureSection[columnPlot]
	Recovery  figureSection[[]recoveryLine]
	Axis      []mark
	Refused   figureSection[[]bar]
	Week      figureSection[heatPlot]
	Places    figureSection[[]bar]
	Frictions figureSection[[]frictionLine]

	Breakdown []volumeRow

	Outcomes []reset.Status
	Kinds    []exceptionKind
	Agents   []gate.AgentFigures
	More     int // agents that are not shown
}

// figureSection is a plot, what it says in a sentence, and whether there is
// anything to draw.
type figureSection[P any] struct {
	Plot    P
	Reading message
	Any     bool
}

// figureRange is a choice of days.
type figureRange struct {
	Days         int    // up to today; 0: from Since to Until
	Since, Until string // as in the address
	Here         bool
}

func (r figureRange) query() string {
	if r.Days > 0 {
		return "?days=" + strconv.Itoa(r.Days)
	}
	return "?" + url.Values{"since": {r.Since}, "until": {r.Until}}.Encode()
}

// Path is the page of these days.
func (r figureRange) Path() string { return "/reports" + r.query() }

// File is a figure of these days.
func (r figureRange) File(name string) string { return "/reports/" + name + ".csv" + r.query() }

const usualDays = 30

var offeredDays = []int{7, usualDays, 90}

// maxAgents is how many agents the page lists; the file has all of them.
const maxAgents = 25

func (c *console) reportsRoutes() map[string]staffHandler {
	return map[string]staffHandler{
		"GET /reports":        c.reports,
		"GET /reports/{file}": c.reportsFile,
	}
}

// figures reads those that the address asks for.
func (c *console) figures(r *http.Request, v visitor) (gate.Figures, figureRange, error) {
	q := r.URL.Query()
	var span gate.FigureSpan
	chosen := figureRange{Days: usualDays}
	switch {
	case q.Get("since") != "" || q.Get("until") != "":
		chosen = figureRange{Since: q.Get("since"), Until: q.Get("until")}
		var err1, err2 error
		span.Since, err1 = time.Parse(time.DateOnly, chosen.Since)
		span.Until, err2 = time.Parse(time.DateOnly, chosen.Until)
		if err1 != nil || err2 != nil {
			return gate.Figures{}, chosen, errNoDays
		}
	case q.Get("days") != "":
		days, err := strconv.Atoi(q.Get("days"))
		if err != nil || days < 1 {
			return gate.Figures{}, chosen, errNoDays
		}
		chosen.Days = days
	}
	span.Days = chosen.Days
	f, err := c.Gate.Figures(r.Context(), v.Caller, span)
	if codeOf(err) == "invalid" {
		err = errNoDays
	}
	return f, chosen, err
}

// errNoDays: the reader asked for days that there are not, or too many.
var errNoDays = &gate.Fault{Code: "no_days", Msg: "choose a first and a last day, at most 366 days apart, the first one first"}

func (c *console) reports(w http.ResponseWriter, r *http.Request, v visitor) error {
	f, chosen, err := c.figures(r, v)
	var alert *trouble
	status := http.StatusOK
	if codeOf(err) == "no_days" {
		alert, status = &trouble{Title: "These days cannot be shown", Text: "Choose a first and a last day, the first one first, 366 days in all at most. What you see are the last 30 days."}, http.StatusBadRequest
		chosen = figureRange{Days: usualDays}
		f, err = c.Gate.Figures(r.Context(), v.Caller, gate.FigureSpan{Days: usualDays})
	}
	if err != nil {
		return err
	}
	return c.show(w, r, status, "reports", frame{Title: msg("Reports"), Me: &v.Me, Here: "reports", Alert: alert, Body: reportsOf(f, chosen)})
}

// reportsOf draws figures.
func reportsOf(f gate.Figures, chosen figureRange) reportsPage {
	p := reportsPage{Figures: f, Range: chosen, Outcomes: outcomes, Kinds: exceptionKinds}
	for _, days := range offeredDays {
		p.Ranges = append(p.Ranges, figureRange{Days: days, Here: chosen.Days == days})
	}
	ended, done := int64(0), int64(0)
	for _, d := range f.Days {
		ended, done = ended+totalOf(d.Ended), done+d.Ended[reset.Done]
	}
	problems := gate.Total(f.Exceptions)
	p.Empty = f.Opened+ended+problems == 0
	p.Opened, p.Ended, p.Done, p.Problems = grouped(f.Opened), grouped(ended), percent(done, ended), grouped(problems)
	p.Half = backWithin(f.Recovered.Half, f.Recovered.Requests)
	p.Volume, p.Breakdown = volumeSection(f, ended, done), breakdown(f)
	p.Recovery, p.Axis = recoverySection(f), durationAxis(14)
	p.Refused = refusedSection(f)
	p.Week = weekSection(f, problems)
	p.Places = desksSection(f, problems)
	p.Frictions = frictionSection(f)
	p.Agents = f.Agents[:min(len(f.Agents), maxAgents)]
	p.More = len(f.Agents) - len(p.Agents)
	return p
}

// outcomes are in the order in which they are listed.
var outcomes = []reset.Status{reset.Done, reset.CancelledBy, reset.ExpiredEnd, reset.RefusedEnd, reset.Denied, reset.Vetoed, reset.Failed}

// bandsOf put outcomes together that mean the same for whoever looks at a plot.
var outcomeBands = []struct {
	band
	of []reset.Status
}{
	{band{"done", msg("carried out")}, []reset.Status{reset.Done}},
	{band{"left", msg("cancelled, or ran out of time")}, []reset.Status{reset.CancelledBy, reset.ExpiredEnd}},
	{band{"refused", msg("refused or denied")}, []reset.Status{reset.RefusedEnd, reset.Denied}},
	{band{"alarm", msg("stopped by the owner, or failed")}, []reset.Status{reset.Vetoed, reset.Failed}},
}

func totalOf(o gate.Outcomes) (all int64) {
	for _, n := range o {
		all += n
	}
	return all
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatInt((part*200+whole)/(2*whole), 10) + "%"
}

// within says what is known of a duration; "–" where nothing is.
func backWithin(b gate.Between, requests int64) message {
	switch {
	case requests == 0:
		return msg("–")
	case b.Within == 0:
		return msg("more than %s", lasting(b.After))
	}
	return msg("within %s", lasting(b.Within))
}

func volumeSection(f gate.Figures, ended, done int64) figureSection[columnPlot] {
	var bands []band
	for _, b := range outcomeBands {
		bands = append(bands, b.band)
	}
	data := make([]columnOf, len(f.Days))
	for i, d := range f.Days {
		data[i].Label, data[i].Title = shortDay(d.Day), msg("%s: %s ended, %s opened", d.Day, grouped(totalOf(d.Ended)), grouped(d.Opened))
		for _, b := range outcomeBands {
			n := int64(0)
			for _, status := range b.of {
				n += d.Ended[status]
			}
			data[i].Parts = append(data[i].Parts, n)
		}
	}
	reading := msg("None of the requests opened so far has ended in these days.")
	if ended > 0 {
		reading = msg("Of the requests that ended, %s were carried out.", percent(done, ended))
	}
	return figureSection[columnPlot]{columns(bands, data), reading, ended > 0}
}

var months = []message{msg("Jan"), msg("Feb"), msg("Mar"), msg("Apr"), msg("May"), msg("Jun"), msg("Jul"), msg("Aug"), msg("Sep"), msg("Oct"), msg("Nov"), msg("Dec")}

// shortDay is a day below a plot.
func shortDay(day string) message {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return msg("%s", day)
	}
	return msg("%d %s", at.Day(), months[at.Month()-1])
}

// volumeRow is a line of a table: a kind of request.
type volumeRow struct {
	By, Words message
	gate.Volume
}

func breakdown(f gate.Figures) (rows []volumeRow) {
	for _, v := range f.Actions {
		rows = append(rows, volumeRow{msg("Action"), msg(say(actionWords, identity.Action(v.Name))), v})
	}
	for _, v := range f.Classes {
		rows = append(rows, volumeRow{msg("Class"), msg(plain(v.Name)), v})
	}
	for _, v := range f.Tiers {
		rows = append(rows, volumeRow{msg("Tier"), msg(v.Name), v})
	}
	return rows
}

// recoveryLine is a class of accounts on the axis of durations.
type recoveryLine struct {
	gate.Recovery
	HalfAt, MostAt spanOf
	Half, Most     message
}

// Count is the number of requests, for its plural.
func (l recoveryLine) Count() int { return int(l.Requests) }

// exceptionKind is a kind of exception and what it is called.
type exceptionKind struct {
	Kind  string
	Words message
}

var exceptionKinds = []exceptionKind{
	{"wrong_answer", msg("Wrong answers")},
	{"not_found", msg("Look-ups that found nobody")},
	{"no_proof", msg("Offered as proof, and none")},
	{"barred", msg("Barred from opening")},
	{"repudiated", msg("“This wasn't me”")},
	{"reported", msg("Reported by who was called")},
	{"expired_proved", msg("Ran out after proof")},
	{"suspicious", msg("Found suspicious in review")},
}

// tableCells are numbers as cells of a table. They have nothing to escape, and
// there are a thousand of them on a page.
func tableCells(numbers ...int64) template.HTML {
	var b strings.Builder
	for _, n := range numbers {
		b.WriteString("<td>" + grouped(n) + "</td>")
	}
	return template.HTML(b.String()) //nolint:gosec // digits
}

// Ends are the cells of what was opened and how it ended.
func (reportsPage) Ends(opened int64, o gate.Outcomes) template.HTML {
	numbers := []int64{opened}
	for _, status := range outcomes {
		numbers = append(numbers, o[status])
	}
	return tableCells(numbers...)
}

// Each are the cells of exceptions, by kind.
func (reportsPage) Each(numbers []gate.Number) template.HTML {
	var each []int64
	for _, kind := range exceptionKinds {
		each = append(each, numberOf(numbers, kind.Kind))
	}
	return tableCells(each...)
}

// Busy are the days on which anything happened.
func (p reportsPage) Busy() []gate.DayFigures {
	return slices.DeleteFunc(slices.Clone(p.Days), func(d gate.DayFigures) bool { return d.Opened == 0 && totalOf(d.Ended) == 0 })
}

// Rest is what there is beside a part of a plot.
func (reportsPage) Rest(left across) across { return 100 - left }

// Sum adds numbers up.
func (reportsPage) Sum(numbers []gate.Number) string { return grouped(gate.Total(numbers)) }

// Grouped writes a number of a table.
func (reportsPage) Grouped(n int64) string { return grouped(n) }

// Half, and nine in ten, of some requests, in words.
func (reportsPage) Within(b gate.Between, r gate.Recovery) message { return backWithin(b, r.Requests) }

// RefusedBy says in words what refused.
func (reportsPage) RefusedBy(r gate.RefusalFigures) message { return refusedBy(r) }

// AgentCount is how many agents the page lists.
func (p reportsPage) AgentCount() int { return len(p.Agents) }

// hourRow is an hour of the day, on each day of the week.
type hourRow struct {
	Hour  string
	Cells template.HTML
}

// ByHour turns the week so that a line is an hour.
func (p reportsPage) ByHour() []hourRow {
	rows := make([]hourRow, 24)
	for h := range rows {
		var days []int64
		for d := range p.Hours {
			days = append(days, p.Hours[d][h])
		}
		rows[h] = hourRow{fmt.Sprintf("%02d:00", h), tableCells(days...)}
	}
	return rows
}

// Weekday is the name of a day, Monday first.
func (reportsPage) Weekday(d int) message { return weekdays[d] }

// Methods are the words of a path.
func (reportsPage) Methods(path *string) []proof.Method {
	var methods []proof.Method
	for _, m := range strings.Split(*path, "+") {
		if m != "" {
			methods = append(methods, proof.Method(m))
		}
	}
	return methods
}

// Minutes are those of so many seconds.
func (reportsPage) Minutes(seconds int64) string { return grouped((seconds + 30) / 60) }

// enoughToSay is from how many requests on a page speaks of halves of them.
const enoughToSay = 5

func recoverySection(f gate.Figures) figureSection[[]recoveryLine] {
	s := figureSection[[]recoveryLine]{Reading: msg("No request was carried out in these days."), Any: f.Recovered.Requests > 0}
	var commonest gate.Recovery
	for _, r := range f.ByClass {
		s.Plot = append(s.Plot, recoveryLine{r, stretch(r.Half.After, r.Half.Within), stretch(r.Most.After, r.Most.Within), backWithin(r.Half, r.Requests), backWithin(r.Most, r.Requests)})
		if r.Requests > commonest.Requests {
			commonest = r
		}
	}
	switch class := msg(plain(string(commonest.Class))); {
	case commonest.Requests >= enoughToSay && commonest.Half.Within > 0 && commonest.Most.Within > 0:
		s.Reading = msg("Half of the %s accounts were back within %s, and nine in ten within %s.", class, lasting(commonest.Half.Within), lasting(commonest.Most.Within))
	case commonest.Requests >= enoughToSay && commonest.Half.Within > 0:
		s.Reading = msg("Half of the %s accounts were back within %s.", class, lasting(commonest.Half.Within))
	case commonest.Requests > 0:
		s.Reading = msg("There are too few requests to speak of halves of them.")
	}
	return s
}

func refusedSection(f gate.Figures) figureSection[[]bar] {
	s := figureSection[[]bar]{Reading: msg("Nothing was refused in these days."), Any: len(f.Refusals) > 0}
	var numbers []int64
	var all int64
	for i, r := range f.Refusals {
		all += r.N
		if i < 12 {
			s.Plot, numbers = append(s.Plot, bar{Label: refusedBy(r), Value: msg("%s", grouped(r.N))}), append(numbers, r.N)
		}
	}
	s.Plot = bars(s.Plot, numbers)
	if s.Any {
		first := f.Refusals[0]
		s.Reading = msg("Most frequent of %d reasons, with %s of all refusals: %s.", len(f.Refusals), percent(first.N, all), refusedBy(first))
		if len(f.Refusals) == 1 {
			s.Reading = msg("All refusals had one reason: %s.", refusedBy(first))
		}
	}
	return s
}

// floorWords say why the policy refuses where no rule of its own does.
var floorWords = map[string]message{
	"(facts)":     msg("facts that no policy can be asked about"),
	"(lifecycle)": msg("the account is not active"),
	"(fence)":     msg("the owner said that this was not them"),
	"(desk)":      msg("outside the desk's bounds"),
	"(proofs)":    msg("no proof that would be enough"),
	"(delivery)":  msg("no way to deliver the new secret"),
}

// refusedBy says in words what refused: a rule, what holds whatever the policy
// says, or the hands.
func refusedBy(r gate.RefusalFigures) message {
	floor, known := floorWords[r.Reason]
	switch {
	case r.Kind == "rule" && known:
		return floor
	case r.Kind == "rule":
		return msg("the rule “%s”", r.Reason)
	case r.Kind == "bar" && r.Reason == "separation_of_duties":
		return msg("agent and owner are one person")
	case r.Kind == "bar":
		return msg("barred by “%s”", r.Reason)
	}
	return msg("the hands refused the order")
}

var weekdays = []message{msg("Monday"), msg("Tuesday"), msg("Wednesday"), msg("Thursday"), msg("Friday"), msg("Saturday"), msg("Sunday")}
var shortWeekdays = []message{msg("Mon"), msg("Tue"), msg("Wed"), msg("Thu"), msg("Fri"), msg("Sat"), msg("Sun")}

func weekSection(f gate.Figures, problems int64) figureSection[heatPlot] {
	p := heat(f.Hours, func(d int) message { return shortWeekdays[d] },
		func(d, h int, n int64) message {
			return msg("%s, %02d:00 to %02d:00: %s", weekdays[d], h, h+1, grouped(n))
		})
	day, hour := 0, 0
	for d := range f.Hours {
		for h, n := range f.Hours[d] {
			if n > f.Hours[day][hour] {
				day, hour = d, h
			}
		}
	}
	reading := msg("There were no exceptions in these days.")
	if problems > 0 {
		reading = msg("Most of them, %s, came on a %s between %02d:00 and %02d:00 UTC.", grouped(f.Hours[day][hour]), weekdays[day], hour, hour+1)
	}
	return figureSection[heatPlot]{p, reading, problems > 0}
}

func desksSection(f gate.Figures, problems int64) figureSection[[]bar] {
	s := figureSection[[]bar]{Reading: msg("No desk had any exceptions in these days."), Any: problems > 0}
	var numbers []int64
	var own, vendors, ownOpened, vendorsOpened int64
	for _, d := range f.Desks {
		n := gate.Total(d.Exceptions)
		if d.Vendor {
			vendors, vendorsOpened = vendors+n, vendorsOpened+d.Opened
		} else {
			own, ownOpened = own+n, ownOpened+d.Opened
		}
		if n == 0 {
			continue
		}
		label, value := msg("desk"), msg("%s, in %s opened", grouped(n), grouped(d.Opened))
		switch {
		case d.Desk == "":
			label = msg("no desk")
		case d.Vendor:
			label = msg("vendor's desk")
		}
		if d.Opened == 0 {
			value = msg("%s", grouped(n))
		}
		s.Plot, numbers = append(s.Plot, bar{Label: label, Name: d.Desk, Value: value}), append(numbers, n)
	}
	s.Plot = bars(s.Plot, numbers)
	switch {
	case problems > 0 && vendorsOpened > 0 && ownOpened > 0:
		s.Reading = msg("For each 100 requests opened there were %s exceptions at vendors' desks, and %s elsewhere.", hundred(vendors, vendorsOpened), hundred(own, ownOpened))
	case problems > 0:
		s.Reading = msg("There were %s exceptions, and %s requests opened.", grouped(problems), grouped(f.Opened))
	}
	return s
}

// hundred is how many there were for each hundred of something.
func hundred(n, of int64) string { return oneDigit(100 * float64(n) / float64(of)) }

func oneDigit(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// frictionLine is what a request of a tier asked for, on average.
type frictionLine struct {
	Tier                      identity.Tier
	Requests                  string
	Proofs, Approvals, Wait   string
	ProofsX, ApprovalsX, Late across
}

func frictionSection(f gate.Figures) figureSection[[]frictionLine] {
	s := figureSection[[]frictionLine]{Reading: msg("No request was carried out in these days."), Any: len(f.Friction) > 0}
	mean := func(n, of int64) float64 { return float64(n) / float64(of) }
	var proofs, approvals, wait float64
	for _, t := range f.Friction {
		proofs, approvals, wait = max(proofs, mean(t.Proofs, t.Requests)), max(approvals, mean(t.Approvals, t.Requests)), max(wait, mean(t.WaitSeconds, t.Requests))
	}
	part := func(x, most float64) across { return share(int64(x*1000), int64(most*1000)) }
	for _, t := range f.Friction {
		p, a, w := mean(t.Proofs, t.Requests), mean(t.Approvals, t.Requests), mean(t.WaitSeconds, t.Requests)
		s.Plot = append(s.Plot, frictionLine{t.Tier, grouped(t.Requests), oneDigit(p), oneDigit(a), oneDigit(w / 60), part(p, proofs), part(a, approvals), part(w, wait)})
	}
	switch n := len(s.Plot); {
	case n > 1:
		low, high := s.Plot[0], s.Plot[n-1]
		s.Reading = msg("A request of tier %s took %s proofs and %s signatures on average, one of tier %s took %s and %s.",
			msg(string(high.Tier)), high.Proofs, high.Approvals, msg(string(low.Tier)), low.Proofs, low.Approvals)
	case n == 1:
		s.Reading = msg("A request took %s proofs and %s signatures on average.", s.Plot[0].Proofs, s.Plot[0].Approvals)
	}
	return s
}
