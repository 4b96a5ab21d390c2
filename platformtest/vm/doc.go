// Vm builds a small virtual machine with a real OpenZFS kernel module and runs programs in it.
//
//	go run ./platformtest/vm run --variant taskq payload -- -test.v
//
// runs payload/run in it and, if built by go build, exits with its status (go run makes 1 of every failure). See "vm --help" for the rest, and package machine for the library.
package main
