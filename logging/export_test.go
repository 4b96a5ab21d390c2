package logging

import (
	"os"
	"time"
)

// OpenWaiting is Open with a queue that waits, as the process's default has one.
func OpenWaiting(out *os.File, wait time.Duration) *Handler {
	return NewFileHandler(out, Options{}, QueueConfig{FlushTimeout: time.Minute, Wait: wait}) // what is read slowly isn't lost
}

// WantsColor exports wantsColor.
var WantsColor = wantsColor

// AppendLoss is what a queue reports by.
func (h *Handler) AppendLoss(b []byte, n uint64, cause error) []byte {
	return h.core.appendLoss(b, n, cause)
}
