package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// UnreachableError says that no answer came from the server: it is not there,
// is not trusted, or broke off.
type UnreachableError struct {
	Endpoint string
	Err      error
}

func (e *UnreachableError) Error() string {
	what, mend := "was not reached", "is 'stint server' running? check "+EnvEndpoint
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var netErr net.Error
	switch {
	case errors.As(e.Err, &unknown):
		what, mend = "is not trusted", "give the certificate it is signed with in "+EnvCACertFile
	case errors.As(e.Err, &certificate):
		what, mend = "is not trusted", "check "+EnvEndpoint+" against the names and dates in its certificate"
	case errors.As(e.Err, &record):
		what, mend = "does not speak TLS", "use http:// in "+EnvEndpoint+", or start 'stint server' with a certificate"
	case errors.As(e.Err, &netErr) && netErr.Timeout():
		what = "did not answer in time"
	}
	return fmt.Sprintf("Stint at %s %s (%s): %s", e.Endpoint, what, e.cause(), mend)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// cause leaves out what url.Error repeats: method and URL.
func (e *UnreachableError) cause() error {
	var wrapped *url.Error
	if errors.As(e.Err, &wrapped) {
		return wrapped.Err
	}
	return e.Err
}

// UnauthenticatedError says that the server knows nobody by the token.
type UnauthenticatedError struct {
	Endpoint string
	// NoToken: none was sent.
	NoToken bool
	Problem *api.Problem
}

func (e *UnauthenticatedError) Error() string {
	if e.NoToken {
		return fmt.Sprintf("Stint at %s wants a token: set %s", e.Endpoint, EnvToken)
	}
	return fmt.Sprintf("Stint at %s does not accept the token: it is unknown, expired or revoked; set %s to a valid one", e.Endpoint, EnvToken)
}

func (e *UnauthenticatedError) Unwrap() error { return e.Problem }

// HasCode reports whether err is, or wraps, a problem with the code (api.Code…).
func HasCode(err error, code string) bool {
	var problem *api.Problem
	return errors.As(err, &problem) && problem.Code == code
}

// IsNotFound reports whether the server answered that there is no such thing.
func IsNotFound(err error) bool { return HasCode(err, api.CodeNotFound) }

// IsVersionMismatch reports whether an object was changed since it was read.
func IsVersionMismatch(err error) bool { return HasCode(err, api.CodeVersionMismatch) }

// IsAlreadyExists reports whether an object to be created was there.
func IsAlreadyExists(err error) bool { return HasCode(err, api.CodeAlreadyExists) }

// IsInUse reports whether something depends on an object to be deleted.
func IsInUse(err error) bool { return HasCode(err, api.CodeInUse) }

// IsUnreachable reports whether no answer came from the server.
func IsUnreachable(err error) bool {
	var unreachable *UnreachableError
	return errors.As(err, &unreachable)
}

// refused: the server never saw the request.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// brokenOff: the connection was lost after it stood, so that nobody knows
// whether the server acted.
func brokenOff(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
