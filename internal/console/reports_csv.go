package console

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"countersign/internal/gate"
)

// csvTable is a figure as a file has it: a line of headings, then the data.
type csvTable [][]string

// csvTables are the files that can be downloaded, by name.
var csvTables = map[string]func(f gate.Figures) csvTable{
	"volume":     volumeTable,
	"outcomes":   outcomesTable,
	"recovery":   recoveryTable,
	"refusals":   refusalsTable,
	"exceptions": exceptionsTable,
	"hours":      hoursTable,
	"agents":     agentsTable,
	"friction":   frictionTable,
}

// reportsFile serves a figure's numbers as comma-separated values (RFC 4180).
func (c *console) reportsFile(w http.ResponseWriter, r *http.Request, v visitor) error {
	name, isCSV := strings.CutSuffix(r.PathValue("file"), ".csv")
	of, ok := csvTables[name]
	if !ok || !isCSV {
		return errNowhere
	}
	f, _, err := c.figures(r, v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="countersign-%s-%s-%s.csv"`, name, f.Since, f.Until))
	out := csv.NewWriter(w)
	out.UseCRLF = true
	for _, line := range of(f) {
		if err := out.Write(inert(line)); err != nil {
			return nil //nolint:nilerr // the reader has gone
		}
	}
	out.Flush()
	return nil
}

// inert keeps spreadsheets from taking a name for a formula: what begins like
// one gets an apostrophe before it, which they take for "this is text".
func inert(line []string) []string {
	out := make([]string, len(line))
	for i, text := range line {
		if text != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(text)[0]) {
			text = "'" + text
		}
		out[i] = text
	}
	return out
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

func volumeTable(f gate.Figures) csvTable {
	t := csvTable{{"day", "opened"}}
	for _, o := range outcomes {
		t[0] = append(t[0], string(o))
	}
	for _, d := range f.Days {
		t = append(t, append([]string{d.Day, digits(d.Opened)}, outcomeCells(d.Ended)...))
	}
	return t
}

func outcomeCells(o gate.Outcomes) (cells []string) {
	for _, status := range outcomes {
		cells = append(cells, digits(o[status]))
	}
	return cells
}

func outcomesTable(f gate.Figures) csvTable {
	t := csvTable{{"by", "name", "opened"}}
	for _, o := range outcomes {
		t[0] = append(t[0], string(o))
	}
	for _, group := range []struct {
		by   string
		rows []gate.Volume
	}{{"action", f.Actions}, {"class", f.Classes}, {"tier", f.Tiers}} {
		for _, v := range group.rows {
			t = append(t, append([]string{group.by, v.Name, digits(v.Opened)}, outcomeCells(v.Ended)...))
		}
	}
	return t
}

// recoveryTable has every step that was counted: a median is made of them.
func recoveryTable(f gate.Figures) csvTable {
	t := csvTable{{"class", "path", "within_seconds", "requests"}}
	for _, r := range f.Recoveries {
		for _, s := range r.Steps {
			bound := "longer"
			if s.Within > 0 {
				bound = digits(s.Within)
			}
			t = append(t, []string{string(r.Class), *r.Path, bound, digits(s.N)})
		}
	}
	return t
}

func refusalsTable(f gate.Figures) csvTable {
	t := csvTable{{"kind", "reason", "refusals"}}
	for _, r := range f.Refusals {
		t = append(t, []string{r.Kind, r.Reason, digits(r.N)})
	}
	return t
}

func exceptionsTable(f gate.Figures) csvTable {
	t := csvTable{append([]string{"desk", "vendor", "opened"}, gate.Exceptions...)}
	for _, d := range f.Desks {
		t = append(t, append([]string{d.Desk, strconv.FormatBool(d.Vendor), digits(d.Opened)}, kindCells(d.Exceptions)...))
	}
	return t
}

func kindCells(numbers []gate.Number) []string {
	cells := make([]string, len(gate.Exceptions))
	for i, kind := range gate.Exceptions {
		cells[i] = digits(numberOf(numbers, kind))
	}
	return cells
}

func numberOf(numbers []gate.Number, name string) (all int64) {
	for _, n := range numbers {
		if n.Name == name {
			all += n.N
		}
	}
	return all
}

func hoursTable(f gate.Figures) csvTable {
	t := csvTable{{"weekday", "hour_utc", "exceptions"}}
	for d, hours := range f.Hours {
		for h, n := range hours {
			t = append(t, []string{weekdays[d].String(), strconv.Itoa(h), digits(n)})
		}
	}
	return t
}

func agentsTable(f gate.Figures) csvTable {
	t := csvTable{append([]string{"agent", "name", "desk"}, gate.Exceptions...)}
	for _, a := range f.Agents {
		t = append(t, append([]string{string(a.Agent), a.Name, a.Desk}, kindCells(a.Exceptions)...))
	}
	return t
}

func frictionTable(f gate.Figures) csvTable {
	t := csvTable{{"tier", "requests", "proofs", "approvals", "wait_seconds"}}
	for _, r := range f.Friction {
		t = append(t, []string{string(r.Tier), digits(r.Requests), digits(r.Proofs), digits(r.Approvals), digits(r.WaitSeconds)})
	}
	return t
}
