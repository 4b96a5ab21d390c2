package index

// SetLimits makes tables of names small, until restore is called.
func SetLimits(kinds, texts int) (restore func()) {
	oldKinds, oldTexts := maxKinds, maxTexts
	maxKinds, maxTexts = kinds, texts
	return func() { maxKinds, maxTexts = oldKinds, oldTexts }
}

// SizeOf returns about how many bytes a trace takes.
func SizeOf(x *Index) int64 {
	_, _, bytes := x.size()
	return bytes
}

// Waiting returns how often a track waits for the slice that started it.
func Waiting(x *Index) (n int) {
	for _, tracks := range x.starters.waiting {
		n += len(tracks)
	}
	return n
}
