// Command standin is what stands in for zfs in tests with the race detector: see package zfstest.
package main

import (
	"fmt"
	"os"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func main() {
	zfstest.StandIn()
	fmt.Fprintln(os.Stderr, "standin: it isn't called zfs, or not in the directory of a stand-in")
	os.Exit(2)
}
