// Package importer makes configurations of zferry daemon of those of other programs: zrepl.yml of zrepl, sanoid.conf of
// sanoid, and crontabs and shell scripts with calls of syncoid.
//
//	i := importer.New()
//	err := i.Add("zrepl.yml", data)
//	…
//	text, err := i.YAML()
//	for _, n := range i.Notes() { … }
//
// What can't be carried over is a [Note], with its line; so is all that a file has and this package doesn't know. Where a
// file doesn't say what is needed, as where another host keeps what it gets, there is [Placeholder] in the result.
package importer
