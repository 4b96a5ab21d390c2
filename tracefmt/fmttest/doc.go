// Package fmttest tests trace formats. Run is the one conformance suite that every format passes:
//
//	func TestConformance(t *testing.T) { fmttest.Run(t, chrome.Format) }
//
// What a format need not keep is taken from what it declares (Format.Mode, Format.Keeps); it is told to the test's log.
package fmttest
