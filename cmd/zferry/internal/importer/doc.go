// Package importer makes configurations of zferry daemon of those of other programs.
package importer
