package pgtest

import (
	"fmt"
	"os"
	"syscall"
)

// port is a loopback TCP port reserved for one server, also while it is
// stopped: a socket that is bound but never listens keeps others away, and
// with SO_REUSEADDR on both sides the server may bind beside it. A connection
// made while the server is down is refused.
type port struct {
	number int
	socket int
}

func reservePort() (*port, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	number, err := bindLoopback(socket)
	if err != nil {
		syscall.Close(socket)
		return nil, fmt.Errorf("reserve a loopback port: %w", err)
	}
	return &port{number: number, socket: socket}, nil
}

func bindLoopback(socket int) (int, error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	address, err := syscall.Getsockname(socket)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	inet, ok := address.(*syscall.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("bound to %T, not to an IPv4 address", address)
	}
	return inet.Port, nil
}

func (p *port) release() error { return os.NewSyscallError("close", syscall.Close(p.socket)) }
