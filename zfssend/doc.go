// Package zfssend runs zfs send and zfs receive, and what belongs to them: listing, snapshots, holds, bookmarks,
// properties, permissions, and destruction.
//
// A [Client] runs the zfs program, on this host or through a wrapper such as sudo. Its zero value is ready.
//
//	var client zfssend.Client
//	if err := client.Snapshot(ctx, "tank/home@mon"); err != nil {
//		return err
//	}
//	stream, err := client.Send(ctx, "tank/home@mon", zfssend.SendOptions{})
//	if err != nil {
//		return err
//	}
//	receive, err := client.Receive(ctx, "backup/home", stream, zfssend.ReceiveOptions{Unmounted: true})
//	if err != nil {
//		return err
//	}
//	err = receive.Wait()
//
// Package replicate, below this one, decides what to send, and does it. Package snapshot takes snapshots whose names tell the time,
// and package prune destroys those that nobody needs.
//
// # Streams
//
// A [SendStream] is an [io.ReadCloser] that doesn't lie and doesn't hang.
//
// It doesn't lie: a pipe from zfs send has an end also if zfs fails in the middle. The stream's end is reported only
// once zfs has exited with 0. Otherwise the reader gets an [*Error], with the exit status and what zfs had to say.
//
// It doesn't hang: Close can be called at any time, by any goroutine, also while another one waits in Read. It takes a
// bounded time even if zfs doesn't go away, be it that its pool hangs or that it runs on a kernel where SIGKILL doesn't
// end a zfs send that is blocked on a full pipe (openzfs#12500). Then the stream is abandoned: a goroutine goes on
// waiting for zfs, and nobody else has to. The context that a stream is started with closes it in the same way. With
// [Client.StallTimeout], a zfs that does nothing for too long is given up, too, and the error says what it was doing.
//
// It is fast: [SendStream.WriteTo], which io.Copy calls, moves data to pipes and sockets without copying them. With
// [ReceiveOptions].Direct, nothing has to be moved at all.
//
// A [Receive] is the mirror. It reads an input, which usually is a SendStream or a network connection, and feeds it
// to zfs receive. An input that fails aborts zfs, and a zfs that fails closes the input at once, so that the first
// failure ends both sides. Which one was first, and so is worth telling, says [RootCause].
//
// # What is in a stream
//
// A receiver commits a snapshot as soon as it reads the stream's END record. [SendOptions.Verify] and
// [ReceiveOptions.Verify] check every checksum while the stream passes (package zstream), and hold that record back
// until zfs send has exited with 0, or the input has ended well: what fails is never committed. It costs a pass over
// memory and a copy of the data, half of what copying the stream would.
//
// [SendOptions.Expect] and [ReceiveOptions.Expect] say what a stream has to be: which snapshot, from which base, raw or not.
// Another one is refused before it has an effect. Whoever receives from a host that isn't trusted needs that, since zfs
// receive takes what it gets. Begin tells what a stream is once it has begun.
//
// An interrupted receive with [ReceiveOptions.Resumable] leaves a token, in [Error.Token] and in [Dataset.ResumeToken],
// which [SendOptions.Token] goes on from, if it is one of the stream that was to be sent.
//
// # Datasets
//
// What isn't a stream is a method of [Client] that runs zfs and returns what it answers. [Client.List] takes two zfs
// processes, whatever the number of datasets and snapshots. Most other methods take any number of names, and pass as
// many to one process as zfs and the system allow:
//
//	err := client.Snapshot(ctx, "tank/home@mon", "tank/mail@mon")           // all at once, or none
//	err = client.Hold(ctx, "backup", "tank/home@mon", "tank/mail@mon")      // fine if they are held already
//	err = client.Bookmark(ctx, zfssend.Bookmark{Source: "tank/home@mon", Name: "#mon"})
//	err = client.Destroy(ctx, "tank/home@sun", "tank/home@sat")             // the others, if one is held
//
// If some of it fails, the error is a [*BatchError] that lists what was not done, each with its cause. What it doesn't
// list was done; what was [Failure.Uncertain] after a cancellation may have been, too. [Client.Hold], [Client.Release] and [Client.Bookmark] are idempotent: it is a success if the result
// is there already. [Client.Destroy] isn't: what doesn't exist is [NotFound]. It destroys nothing that isn't named, but
// for what belongs to a dataset: its bookmarks, and the state of an interrupted receive.
//
// Who is denied an operation finds in the [*Error] which permissions it needs, and, unless it is about a stream, which
// of them are missing.
//
// # Errors
//
// zfs has no error codes. What its messages mean is recognised by their text and given as a [Cause], which is an error
// by itself:
//
//	if errors.Is(err, zfssend.NotFound) { … }
//
// All commands run with LC_ALL=C and without a shell. Names are parsed before zfs sees them, so that none can be taken
// for an option: [ParseName].
//
// # Traces
//
// Every zfs process is seen in traces (package trace): those that only answer as spans of the caller's task, such as
// "zfs list", and streams as tasks "zfs send" and "zfs receive", which end when the process is reaped. Their attributes:
//
//	dataset                                          what it is about
//	process.command_line, process.pid                known while it runs
//	process.exit.code or process.signal              how it ended
//	process.user_time, process.system_time
//	bytes, first_byte, read_wait, write_wait         see [Stats]
//	pipe_size, spliced, direct
//	stream.to_name, stream.to_guid, stream.from_guid,
//	stream.features, stream.compound                 from its first record
//	stream.records.WRITE, stream.wire_bytes, ...     of a stream that was verified: see zstream.Stats
//	state                                            complete, failed or canceled
//
// Two events mark the end of a stream before its time: "cancel", with the cause, and "abandoned". The first hundred lines
// that a process writes to stderr are log lines on its span.
//
// What goes wrong is returned, and not logged. At level debug there is a line when a process starts and one when it ends.
package zfssend
