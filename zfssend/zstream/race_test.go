//go:build race

package zstream

// sparsity thins out tests that go over all bits: nothing here runs concurrently, and the race detector makes it 30 times slower.
const sparsity = 16
