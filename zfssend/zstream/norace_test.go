//go:build !race

package zstream

const sparsity = 1
