// The packages that the analyzer's tests look at. They import the real package trace.
module example.com/tracevet

go 1.26.0

require (
	github.com/spanstack/spanstack v0.0.0
	golang.org/x/sync v0.24.0
)

replace github.com/spanstack/spanstack => ../../..
