package firefox

import (
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
	"github.com/spanstack/spanstack/tracefmt/internal/jsonstream"
)

// table is a table of a thread, as JSON text until it is known what the text means: strings and schemas may come behind.
type table struct {
	text    []byte
	columns map[string][]cell
	rows    int
}

// cell is a piece of a table's text; one without text is missing.
type cell struct{ from, to int }

func (t *table) add(raw []byte) cell {
	from := len(t.text)
	t.text = append(t.text, raw...)
	return cell{from, len(t.text)}
}

// raw returns the text of a cell; nil if there is none, or null.
func (t *table) raw(column string, row int) []byte {
	list := t.columns[column]
	if row >= len(list) {
		return nil
	}
	text := t.text[list[row].from:list[row].to]
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	return text
}

// integer returns a cell with an index or a phase.
func (t *table) integer(column string, row int) (n int64, ok bool) {
	return decimal.Scale(t.raw(column, row), 0)
}

// nanos returns a cell with a time in ms, in ns.
func (t *table) nanos(column string, row int) (ns int64, ok bool) {
	return decimal.Scale(t.raw(column, row), 6)
}

// readTable reads the columns that are wanted: those of a processed profile, which are arrays by their names, or those of
// a Gecko profile, in which "schema" gives their places in the rows of "data".
func readTable(in *jsonstream.Decoder, wanted map[string]bool) (*table, error) {
	t := &table{columns: make(map[string][]cell)}
	schema := make(map[string]int64)
	var places [][]cell
	isRows := false
	_, err := in.Object(func(key string) error {
		switch {
		case key == "schema":
			_, err := in.Object(func(name string) error {
				raw, err := in.Raw()
				if n, ok := decimal.Scale(raw, 0); err == nil && ok {
					schema[name] = n
				}
				return err
			})
			return err
		case key == "data" && len(schema) > 0:
			isRows = true
			_, err := in.Array(func() error {
				t.rows++
				return t.readRow(in, &places)
			})
			return err
		case wanted[key]:
			_, err := in.Array(func() error {
				raw, err := in.Raw()
				if err == nil {
					t.columns[key] = append(t.columns[key], t.add(raw))
				}
				return err
			})
			t.rows = max(t.rows, len(t.columns[key]))
			return err
		}
		return in.Skip()
	})
	if isRows {
		for name, i := range schema {
			if i >= 0 && int(i) < len(places) && wanted[name] {
				t.columns[name] = places[i]
			}
		}
	}
	return t, err
}

// maxPlaces bounds how many columns of a row are kept; the widest table has ten.
const maxPlaces = 16

// readRow reads a row into the columns by their places.
func (t *table) readRow(in *jsonstream.Decoder, places *[][]cell) error {
	i := 0
	_, err := in.Array(func() error {
		raw, err := in.Raw()
		if err != nil || i >= maxPlaces {
			return err
		}
		if i == len(*places) {
			*places = append(*places, nil)
		}
		column := &(*places)[i]
		for len(*column) < t.rows-1 {
			*column = append(*column, cell{}) // rows may be shorter than others
		}
		*column = append(*column, t.add(raw))
		i++
		return nil
	})
	return err
}
