package main

import (
	"os"
	"testing"
	"time"
)

// TestProcessStart: the process was started before its code was initialised, and after whatever started it was built.
func TestProcessStart(t *testing.T) {
	at := processStart()
	info, err := os.Stat(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if early := initialised.Sub(at); early < -10*time.Millisecond || early > time.Minute || at.Before(info.ModTime().Add(-time.Second)) {
		t.Errorf("started at %v, %v before it was initialised; built at %v", at, early, info.ModTime())
	}
}
