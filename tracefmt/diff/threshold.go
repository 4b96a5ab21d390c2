package diff

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Threshold is how large a change has to be: as a part of what was, as a time, or both. Then both have to be reached.
type Threshold struct {
	Part float64 // 0.1 is 10 %
	Time int64   // ns
}

// ParseThreshold reads a threshold such as "10%", "1.5ms", or "10%,1.5ms".
func ParseThreshold(text string) (t Threshold, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if percent, ok := strings.CutSuffix(part, "%"); ok {
			f, err := strconv.ParseFloat(percent, 64)
			if err != nil || !(f >= 0) || math.IsInf(f, 0) {
				return Threshold{}, fmt.Errorf("%q is not a percentage", part)
			}
			t.Part = f / 100
			continue
		}
		d, err := time.ParseDuration(part)
		if err != nil || d < 0 {
			return Threshold{}, fmt.Errorf("%q is neither a percentage such as 10%% nor a duration such as 5ms", part)
		}
		t.Time = int64(d)
	}
	return t, nil
}

func (t Threshold) String() string {
	percent := strconv.FormatFloat(t.Part*100, 'g', -1, 64) + "%"
	switch {
	case t.Time == 0:
		return percent
	case t.Part == 0:
		return time.Duration(t.Time).String()
	}
	return percent + "," + time.Duration(t.Time).String()
}

// reached reports whether a change of a number is as large as t, in whatever direction. What was nothing has changed by
// more than any part.
func (t Threshold) reached(before, change int64) bool {
	by := float64(size(change))
	return by >= float64(t.Time) && by >= t.Part*float64(size(before))
}

// exceeded reports whether a number has grown by more than t.
func (t Threshold) exceeded(before, change int64) bool {
	by := float64(change)
	return by > 0 && by > float64(t.Time) && by > t.Part*float64(size(before))
}
