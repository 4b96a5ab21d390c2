// Package remote reaches another host's ZFS over one connection, and is the agent that serves it there.
//
// A [Host] is a zfssend.Host: what replication asks of it, it asks an [Agent] on the other host, which runs zfs. Errors, streams
// and cancellations are as if zfs ran here.
//
//	host, err := remote.SSH(ctx, remote.SSHConfig{Destination: "backup.example.org"})
//	if err != nil {
//		return err
//	}
//	defer host.Close()
//	stream, err := client.Send(ctx, "tank/home@mon", zfssend.SendOptions{})
//	if err != nil {
//		return err
//	}
//	receive, err := host.Receive(ctx, "backup/home", stream, zfssend.ReceiveOptions{Unmounted: true})
//	if err != nil {
//		return err
//	}
//	err = receive.Wait()
//
// [SSH] starts the system's ssh, which starts the agent there; [Dial] reaches an agent that listens ([Agent.ListenAndServe]), with
// TLS in which both sides show certificates; [NewHost] takes any connection. Who has all on one host needs none of this:
// zfssend.Client is a Host, too.
//
// # Who trusts whom
//
// An agent does what its [Policy] permits, and that isn't anything unless it is said: which datasets, which requests, which
// properties may be set. It checks names itself, and refuses before it starts zfs. What it refuses Is [ErrRefused].
//
// A Host believes an agent no more than it has to: lengths are bounded, lists hold only what was asked for, streams are compared
// with what is expected, texts come without control characters. An agent can still lie about what its ZFS holds; whoever receives
// from it says what to expect and has checksums verified (zfssend.ReceiveOptions).
//
// # The protocol
//
// It is HTTP/2 without TLS on a connection that somebody else has protected. Each request is a POST with its number in the header
// Zferry-Exchange. /hello tells which versions of the protocol a side speaks, and is the same in all of them. /v1/clock is for
// comparing clocks, /v1/cancel cancels a request by its number. /v1/list, properties, guids, holds, estimate, snapshot, bookmark,
// hold, release, destroy, create, rollback, set, inherit and abort are the methods of zfssend.Host, with a JSON object as their
// body; a field that the agent doesn't know is an error. /v1/send, receive and trace carry streams; /v1/lock lasts as long as
// its request.
//
// Replies, and the body of receive, are frames. A frame is a byte that says what it is, a length of three bytes (big-endian, at most
// 1 MiB), and its contents:
//
//	p  a piece of a JSON text, which goes on in the next frame
//	j  the last piece of a request, or of a result
//	b  zfs runs: a stream begins
//	d  a piece of a stream
//	h  a sign of life
//	e  the end of a stream that is sent: it is whole
//	a  the end of a stream that is sent: it isn't, with the reason
//	s  the last piece of the status: how it ended, and with which error
//
// A reply without a status, and a stream without e, is truncated, and never complete. The status of receive may come at any time:
// a zfs receive that dies ends the stream at once.
//
// # Signs of life
//
// Both sides ping an idle connection every 5 seconds, and give it up 15 seconds after the last byte that came. An agent then
// cancels all that runs on this connection, and waits for it, for little more than zfssend.Client's Grace; so it does when its
// standard input ends. A Host fails with [ErrPeerLost]. Besides, each reply carries signs of life, so that an agent that
// pings but doesn't work is noticed, too.
//
// Windows of flow control are 3 MiB a stream, and that of a connection is all of them together: a stream that stalls delays
// no other one.
//
// # Traces
//
// Requests carry traceparent and the ID stack of the span that makes them, and the agent's tasks go on from there: searching
// the logs of both hosts for an ID finds all of its subtree. [Host.Clock] tells how far the clocks are apart, [Host.Trace] gives the
// agent's own trace.
package remote
