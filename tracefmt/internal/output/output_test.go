package output

import (
	"errors"
	"io"
	"testing"
)

// writer takes some bytes, and says nothing about the others.
type writer struct {
	takes, calls int
	err          error
}

func (w *writer) Write(p []byte) (int, error) {
	w.calls++
	return min(w.takes, len(p)), w.err
}

func TestFlush(t *testing.T) {
	full := errors.New("no space left")
	for _, tt := range []struct {
		text  string
		w     writer
		want  error
		calls int
	}{
		{"", writer{}, nil, 0},
		{"abc", writer{takes: 3}, nil, 1},
		{"abc", writer{takes: 2}, io.ErrShortWrite, 1},
		{"abc", writer{takes: 2, err: full}, full, 1},
	} {
		buf := []byte(tt.text)
		if err := Flush(&tt.w, &buf); err != tt.want || tt.w.calls != tt.calls || len(buf) != 0 {
			t.Errorf("Flush of %q: %v after %d calls, %d bytes left; want %v, %d", tt.text, err, tt.w.calls, len(buf), tt.want, tt.calls)
		}
	}
}
