// Package tracetest helps to test programs that use package trace.
//
// [Strict] gives a test a recorder of its own, in which every misuse of package trace fails the test, and so does a task
// or span that the test leaves open:
//
//	func TestReplicate(t *testing.T) {
//		ctx := tracetest.Strict(t)
//		replicate(ctx)
//		if got := tracetest.Tree(t, ctx); got != want { … }
//	}
//
// [Tree] renders what was recorded as stable text, for golden tests. [NoLeaks] does the check for open spans where it is
// wanted, also for programs that use the default recorder.
package tracetest
