package jsontext

import "time"

// TimeAt returns the time (RFC 3339, in quotes) at b[i]; the zero time for what is none.
func TimeAt(b []byte, i int) (t time.Time, end int, err error) {
	text, end, err := Raw(b, i)
	if err != nil {
		return t, 0, err
	}
	if t, err = time.Parse(time.RFC3339Nano, string(text)); err != nil {
		return time.Time{}, end, nil
	}
	return t, end, nil
}
