package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A refusal is an answer that isn't what was asked for.
type refusal struct {
	status int
	reason string
	header map[string]string
}

func (r refusal) Error() string { return r.reason }

func badRequest(format string, args ...any) error {
	return refusal{status: http.StatusBadRequest, reason: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return refusal{status: http.StatusNotFound, reason: fmt.Sprintf(format, args...)}
}

func notAllowed(methods ...string) error {
	allow := strings.Join(methods, ", ")
	return refusal{http.StatusMethodNotAllowed, "method not allowed: want " + allow, map[string]string{"Allow": allow}}
}

// refuse answers with an error, unless an answer was begun already.
func refuse(w http.ResponseWriter, err error) {
	refused := refusal{status: http.StatusInternalServerError, reason: err.Error()}
	errors.As(err, &refused)
	for key, value := range refused.header {
		w.Header().Set(key, value)
	}
	w.Header().Del("Content-Disposition")
	w.Header().Set("Content-Type", "application/json")
	patient(w)
	w.WriteHeader(refused.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": strings.ToValidUTF8(refused.reason, "\ufffd")}) // the client is gone
}

// clientTimeout is how long a client may take for what it is sent, or for a piece of what comes bit by bit.
const clientTimeout = time.Minute

// patient gives a client time for what is written next. In tests there may be no connection.
func patient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(clientTimeout))
}

// answer answers with a document.
func answer(w http.ResponseWriter, doc any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	patient(w)                         // it may have taken its time
	_, _ = w.Write(append(text, '\n')) // the client is gone
	return nil
}
