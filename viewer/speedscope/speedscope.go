// Package speedscope has a release of speedscope, a viewer for profiles, as its authors built it: https://www.speedscope.app.
// It is under the MIT licence, see release/LICENSE. It is apart from package viewer, since it is a megabyte:
//
//	viewer.New(viewer.Config{Speedscope: speedscope.Files}, viewer.File("trace.json"))
//
// To take another release, change its number in package.json, and run "npm install --ignore-scripts && npm run build" here.
package speedscope

import (
	"embed"
	"io/fs"
)

//go:embed release
var release embed.FS

// Files are those of the release.
var Files = func() fs.FS {
	sub, err := fs.Sub(release, "release")
	if err != nil {
		panic(err) // of a name that isn't valid
	}
	return sub
}()
