package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// Error says what is wrong with a field.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 if there is none
	Field        string // its path, as in "jobs[0].replicate.targets[1].to"; "" for the file as a whole
	Err          error
	Hint         string // what to do; may be ""
}

// Error implements error: "zferry.yml:7:5: jobs[0].sorce: …; did you mean …".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File + ":")
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
	}
	b.WriteByte(' ')
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Err.Error())
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errors returns the errors that Load has joined.
func Errors(err error) (list []*Error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			list = append(list, Errors(err)...)
		}
	} else if e, ok := errors.AsType[*Error](err); ok {
		list = append(list, e)
	}
	return list
}

// file is one that is read: where its fields are, and what is wrong with them.
type file struct {
	name string
	at   map[string]*token.Token
	errs []*Error
}

// fail notes an error of the field of that path, or of the nearest one that is there.
func (f *file) fail(path, hint, format string, args ...any) {
	e := &Error{File: f.name, Field: path, Err: fmt.Errorf(format, args...), Hint: hint}
	for p := path; ; {
		if t := f.at[p]; t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
			break
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	f.errs = append(f.errs, e)
}

// failed reports whether a field, or one above it, is wrong already.
func (f *file) failed(path string) bool {
	return slices.ContainsFunc(f.errs, func(e *Error) bool {
		return e.Field == path || e.Field != "" && (strings.HasPrefix(path, e.Field+".") || strings.HasPrefix(path, e.Field+"["))
	})
}

// join returns the errors of files, each in the order of its lines; nil if there are none.
func join(files []*file) error {
	var errs []error
	for _, f := range files {
		slices.SortStableFunc(f.errs, func(a, b *Error) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		for _, e := range f.errs {
			errs = append(errs, e)
		}
	}
	return errors.Join(errs...)
}

// suggest returns a hint, if a word is nearly one that is known.
func suggest(word string, known []string) string {
	best, least := "", max(1, min(3, len(word)/3))+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance returns how many letters have to be added, left out, replaced, or swapped with the next one.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
