package jsontext

// Members calls one for each member of the object at b[i], with its key and the index of its value; one returns where
// that ends. A value that is no object is skipped.
func Members(b []byte, i int, one func(key []byte, i int) (end int, err error)) (end int, err error) {
	if i >= len(b) {
		return 0, ErrShort
	}
	if b[i] != '{' {
		return ScanValue(b, i, 0)
	}
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		from, to, value, err := ScanKey(b, i)
		if err != nil {
			return 0, err
		}
		if i, err = one(b[from:to], value); err != nil {
			return 0, err
		}
		if i, end, err = next(b, i, '}'); end > 0 || err != nil {
			return end, err
		}
	}
}

// Elements calls one for each element of the array at b[i], with its index; one returns where it ends. A value that is
// no array is skipped.
func Elements(b []byte, i int, one func(i int) (end int, err error)) (end int, err error) {
	if i >= len(b) {
		return 0, ErrShort
	}
	if b[i] != '[' {
		return ScanValue(b, i, 0)
	}
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		if i, err = one(i); err != nil {
			return 0, err
		}
		if i, end, err = next(b, i, ']'); end > 0 || err != nil {
			return end, err
		}
	}
}

// next goes on behind a member or an element: to the next one, or to the end.
func next(b []byte, i int, closing byte) (value, end int, err error) {
	i = SkipSpace(b, i)
	switch {
	case i >= len(b):
		return 0, 0, ErrShort
	case b[i] == closing:
		return 0, i + 1, nil
	case b[i] != ',':
		return 0, 0, Badf(i, "unexpected %q", b[i])
	}
	if i = SkipSpace(b, i+1); i >= len(b) {
		return 0, 0, ErrShort
	}
	return i, 0, nil
}

// Raw returns the text of the string at b[i] without its quotes, or of any other value, as it is written. It is for
// what has no escapes in it.
func Raw(b []byte, i int) (text []byte, end int, err error) {
	if end, err = ScanValue(b, i, 0); err != nil {
		return nil, 0, err
	}
	if b[i] == '"' {
		return b[i+1 : end-1], end, nil
	}
	return b[i:end], end, nil
}

// TextAt returns the text of the string at b[i]; of any other value it is "".
func (d *Decoder) TextAt(b []byte, i int) (text string, end int, err error) {
	if i >= len(b) {
		return "", 0, ErrShort
	}
	if b[i] != '"' {
		end, err = ScanValue(b, i, 0)
		return "", end, err
	}
	end, isPlain, err := ScanString(b, i)
	if err != nil {
		return "", 0, err
	}
	if isPlain {
		return d.Strings.Intern(b[i+1 : end-1]), end, nil
	}
	return d.Decode(b[i+1 : end-1]), end, nil
}
