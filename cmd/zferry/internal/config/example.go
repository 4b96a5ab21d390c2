package config

import _ "embed"

// Example is a configuration with comments that explain it.
//
//go:embed example.yml
var Example string
