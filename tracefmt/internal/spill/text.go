package spill

import "io"

// Text is bytes that are added to, and read piece by piece afterwards: in memory, or in a file if there is a limit.
type Text struct {
	inMemory []byte
	f        *file // nil in memory
}

// NewText returns an empty Text. If c.Memory is 0 it is in memory.
func NewText(c Config) (*Text, error) {
	if c.Memory == 0 {
		return &Text{}, nil
	}
	f, err := create(c)
	if err != nil {
		return nil, err
	}
	return &Text{f: f}, nil
}

// Len returns how many bytes there are.
func (t *Text) Len() int64 {
	if t.f == nil {
		return int64(len(t.inMemory))
	}
	return t.f.size
}

// Add adds bytes.
func (t *Text) Add(p []byte) error {
	if t.f == nil {
		t.inMemory = append(t.inMemory, p...)
		return nil
	}
	return t.f.write(p)
}

// CopyTo writes the bytes from one place to another to w, whose errors it returns as they are.
func (t *Text) CopyTo(w io.Writer, from, to int64) error {
	if t.f == nil {
		_, err := w.Write(t.inMemory[from:to])
		return err
	}
	if err := t.f.flush(); err != nil {
		return err
	}
	buf := make([]byte, min(to-from, int64(cap(t.f.buf))))
	for from < to {
		piece := buf[:min(to-from, int64(len(buf)))]
		if err := t.f.readAt(piece, from); err != nil {
			return err
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
		from += int64(len(piece))
	}
	return nil
}

// Close removes the file, if there is one. A nil Text has none.
func (t *Text) Close() {
	if t != nil && t.f != nil {
		t.f.close()
	}
}
