// Package tracetest helps to test programs that use package trace.
//
// [Context] gives a test a recorder of its own, in which every misuse of package trace fails the test:
//
//	func TestReplicate(t *testing.T) {
//		ctx := tracetest.Context(t)
//		replicate(ctx)
//		if got := tracetest.Tree(ctx); got != want { … }
//	}
//
// [Tree] renders what was recorded as stable text, for golden tests. [NoLeaks] fails the test if it leaves tasks or
// spans open.
package tracetest
