package index

// SetLimits makes tables of names small, until restore is called.
func SetLimits(kinds, texts int) (restore func()) {
	oldKinds, oldTexts := maxKinds, maxTexts
	maxKinds, maxTexts = kinds, texts
	return func() { maxKinds, maxTexts = oldKinds, oldTexts }
}
