// Package forward lets programs of this host connect to a server in a virtual machine, which has no network: their
// connections go through the channel that machine.RunOptions has.
//
// [Host] is the half on this host:
//
//	l, err := net.Listen("tcp", "localhost:0")
//	...
//	result, err := img.Run(ctx, machine.RunOptions{
//		Payload: payload,
//		Port:    func(port io.ReadWriteCloser) { forward.Host(l, port) },
//	})
//
// and [Guest] the one in the payload:
//
//	port, err := os.OpenFile("/dev/host", os.O_RDWR, 0)
//	...
//	err = forward.Guest(port, func(ctx context.Context) (net.Conn, error) {
//		return new(net.Dialer).DialContext(ctx, "tcp", "localhost:6060")
//	})
//
// What is sent passes unchanged, so that the server in the guest sees, and judges, the names by which it is called here.
//
// On the channel is HTTP/2. A connection is a request, whose body is what the program here sends, and whose answer is what the
// server there does.
package forward
