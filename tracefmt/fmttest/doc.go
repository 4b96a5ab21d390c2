// Package fmttest tests trace formats. Run is the one conformance suite that every format passes:
//
//	func TestConformance(t *testing.T) { fmttest.Run(t, chrome.Format) }
//
// A format without a writer passes RunReader, on inputs that its test brings along; one without a reader RunWriter.
//
// What a format need not keep is taken from what it declares (Format.Mode, Format.Keeps); it is told to the test's log.
package fmttest
