// Package anonymize takes out of a trace what it tells about those whom it is from, and leaves what happened when.
//
// Texts are replaced word by word, by pseudonyms such as "k3b-xe2-m0l": names of slices, processes, hosts and tracks,
// log messages, attributes with their names, and paths, whose slashes stay. A pseudonym is a keyed hash (HMAC-SHA256),
// so that words that are equal stay equal, in one trace, and with the same key in several. Whoever knows the key can
// try out guesses. A word is what is between spaces and ASCII punctuation. No word of four characters or more is in
// the result unless it is allowed there: pseudonyms have no such words. IDs are made anew in the form that they had,
// so that they still join what belongs together; numbers keep their first digit; pids and tids are numbered anew;
// times begin at zero, and the wall clock is left out.
//
// What stays: the order and durations of everything, severities, booleans, and the words that formats and package
// trace have made up: categories such as "task", and the names of attributes such as "error".
//
// It is no proof against those who know much: durations, shapes and numbers of things can be recognised.
package anonymize
