package validate

// SetLimit sets how much is remembered, before the first event.
func (v *Validator) SetLimit(n int) { v.limit = n }
