// Package clock has a test that steps the wall clock of the machine that it runs on, which is therefore a virtual one.
package clock
