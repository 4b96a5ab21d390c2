// Package config reads the configuration of zferry daemon: jobs, and what is common to them, in YAML.
//
//	c, err := config.Load("/etc/zferry/zferry.yml")
//
// All that is wrong is reported at once, as [Error]s that are joined, each with its file, line and column, and a hint where
// there is one:
//
//	zferry.yml:7:5: jobs[0].sorce: there is no such field; did you mean "source"?
//
// A value is what is written there, whatever YAML takes it for. Unknown fields are errors; aliases and tags, too.
//
// [Example] is a file with all fields, and comments that explain them. [Marshal] writes a configuration.
package config
