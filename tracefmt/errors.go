package tracefmt

import (
	"errors"
	"fmt"
)

// ErrTruncated says that the input stops in the middle of an event, or before the end that its format requires.
// All events before were delivered. Test with errors.Is.
var ErrTruncated = errors.New("input is cut short")

// SyntaxError says where an input isn't what its format allows. All events before Offset were delivered.
type SyntaxError struct {
	Format string // the format's name
	Event  int64  // the number of the event in the input, from 1; 0 if the trouble is outside of events
	Offset int64  // bytes from the start of the (unpacked) input
	Err    error  // what is wrong; ErrTruncated if the input stops there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("read %s trace: %s", e.Format, e.Detail())
}

// Detail returns the error's text without its operation and format, for messages that name the file.
func (e *SyntaxError) Detail() string {
	if e.Event > 0 {
		return fmt.Sprintf("event %d at byte %d: %v", e.Event, e.Offset, e.Err)
	}
	return fmt.Sprintf("at byte %d: %v", e.Offset, e.Err)
}

func (e *SyntaxError) Unwrap() error { return e.Err }
