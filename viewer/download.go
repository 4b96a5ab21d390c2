package viewer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// formatInfo is a format that can be written.
type formatInfo struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Extension   string `json:"extension"`
}

// formats serves api/formats.
func (v *Viewer) formats(w http.ResponseWriter, _ *request) error {
	list := []formatInfo{}
	for _, f := range tracefmt.Formats() {
		if f.NewWriter != nil {
			list = append(list, formatInfo{f.Name, f.Description, extension(f)})
		}
	}
	return answer(w, list)
}

func extension(f *tracefmt.Format) string {
	if len(f.Extensions) == 0 {
		return "." + f.Name
	}
	return f.Extensions[0]
}

// writerMemory is how many bytes a writer that needs the whole trace may hold; above, it uses temporary files.
const writerMemory = 64 << 20

// download serves api/download.
func (v *Viewer) download(w http.ResponseWriter, r *request) error {
	name := r.text("format")
	sel, err := r.selection()
	if err != nil {
		return err
	}
	f := tracefmt.Lookup(name)
	if f == nil || f.NewWriter == nil {
		return badRequest("format=%.100q: want one of api/formats", name)
	}
	if err := sel.narrow(r.Context(), r.snap); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", f.MIMEType)
	if f.MIMEType == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	h.Set("Content-Disposition", `attachment; filename="`+fileName(r.trace.source.Title, extension(f))+`"`)
	out := &body{w: w}
	err = write(r.Context(), f.NewWriter(out), r.snap, sel)
	if err != nil && out.begun {
		panic(http.ErrAbortHandler) // the client must not take what came for all of it
	}
	return err
}

// write writes what is in the window and on the tracks of a selection by a format's writer.
func write(ctx context.Context, w tracefmt.Writer, s *index.Snapshot, sel selection) error {
	if spiller, ok := w.(tracefmt.Spiller); ok {
		spiller.SetMemory(writerMemory)
	}
	_, err := tracefmt.Copy(w, &interruptible{Reader: s.Reader(sel.window, sel.tracks), ctx: ctx})
	if closeErr := w.Close(); err == nil { // it removes temporary files in any case
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the trace: %w", err)
	}
	return nil
}

// interruptible is a reader that ends with a context.
type interruptible struct {
	tracefmt.Reader
	ctx context.Context
	n   int
}

// Losses returns what the reader lost so far.
func (r *interruptible) Losses() []tracefmt.Loss { return tracefmt.LossesOf(r.Reader) }

func (r *interruptible) Next() (*tracefmt.Event, error) {
	if r.n++; r.n%1024 == 0 && r.ctx.Err() != nil {
		return nil, context.Cause(r.ctx)
	}
	return r.Reader.Next()
}

// body is that of an answer, which may take its time as long as the client takes it.
type body struct {
	w     http.ResponseWriter
	begun bool
}

var _ io.Writer = (*body)(nil)

func (b *body) Write(p []byte) (int, error) {
	b.begun = true
	patient(b.w)
	return b.w.Write(p)
}

// fileName names a file after the trace.
func fileName(title, ext string) string {
	base := filepath.Base(title)
	for tracefmt.ByExtension(base) != nil || tracefmt.CompressionByExtension(base) != nil {
		base = strings.TrimSuffix(base, filepath.Ext(base))
	}
	name := strings.Map(func(c rune) rune {
		if c < 0x80 && (unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-_.", c)) {
			return c
		}
		return '_'
	}, base)
	name, _ = cut(strings.Trim(name, "."), 100)
	if name == "" {
		name = "trace"
	}
	return name + ext
}
