package zfssend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spanstack/spanstack/zfssend"
)

func ExampleParseName() {
	name, err := zfssend.ParseName("tank/home movies@mon")
	fmt.Println(name.Pool(), "|", name.Dataset, "|", name.Version, err)
	_, err = zfssend.ParseName("--help")
	fmt.Println(err)
	// Output:
	// tank | tank/home movies | mon <nil>
	// invalid name "--help": it must begin with a letter
}

// A stream is read like any other, with one difference: that there is no error means that zfs send has succeeded.
func ExampleClient_Send() {
	// A shell script stands in for zfs, so that the example runs anywhere: it fails in the middle of the stream.
	client := zfssend.Client{Command: []string{"sh", "-c", "printf stream; echo 'cannot send: Input/output error' >&2; exit 1"}}

	stream, err := client.Send(context.Background(), "tank/home@mon", zfssend.SendOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.Close()
	n, err := io.Copy(os.Stdout, stream)
	fmt.Printf(" (%d bytes)\n%v\n", n, err)
	fmt.Println(errors.Is(err, zfssend.PoolIO), stream.State())
	// Output:
	// stream (6 bytes)
	// send tank/home@mon: zfs exited 1: cannot send: Input/output error; a receiver may have the snapshot nevertheless
	// true failed
}

// Of several snapshots those are destroyed that can be. The error says which ones are left, and why.
func ExampleClient_Destroy() {
	// A shell script stands in for zfs, so that the example runs anywhere: the snapshot of Monday is held.
	client := zfssend.Client{Command: []string{"sh", "-c", `
		case $3 in
		*mon*)	printf 'destroy\ttank/home@sun\ndestroy\ttank/home@mon\n'
			echo 'cannot destroy snapshot tank/home@mon: dataset is busy' >&2
			exit 1;;
		*)	printf 'destroy\ttank/home@sun\n';;
		esac`, "zfs"}}

	err := client.Destroy(context.Background(), "tank/home@sun", "tank/home@mon")
	fmt.Println(err)
	if batch, ok := errors.AsType[*zfssend.BatchError](err); ok {
		for _, f := range batch.Failed {
			fmt.Println("left:", f.Name, f.Cause == zfssend.Busy)
		}
	}
	// Output:
	// destroy: 1 of 2 failed: tank/home@mon: dataset is busy
	// left: tank/home@mon true
}
