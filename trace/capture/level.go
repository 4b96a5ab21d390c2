package capture

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spanstack/spanstack/trace"
)

// level serves and sets the recorder's level.
func (h *handler) level(w http.ResponseWriter, r *request) error {
	if r.Method == http.MethodPut {
		level, err := readLevel(r)
		if err != nil {
			return err
		}
		h.config.Recorder.SetLevel(level)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, h.config.Recorder.Level())
	return nil
}

func readLevel(r *request) (trace.Level, error) {
	body, err := io.ReadAll(r.Body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return 0, refusal{status: http.StatusRequestEntityTooLarge,
			reason: fmt.Sprintf("the body has more than %d bytes: want off, ids or recording", maxBody)}
	}
	if err != nil {
		return 0, badRequest("the body can't be read: %v", err)
	}
	text := strings.TrimSpace(string(body))
	for _, level := range []trace.Level{trace.LevelOff, trace.LevelIDs, trace.LevelRecording} {
		if strings.EqualFold(text, level.String()) {
			return level, nil
		}
	}
	return 0, badRequest("unknown level %.100q: want off, ids or recording", text)
}
