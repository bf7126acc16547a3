package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine"
)

// drainTimeout is how long requests under way may take once the server is told
// to end.
const drainTimeout = 10 * time.Second

// Config says where and how to listen.
type Config struct {
	// Listen is host:port; port 0 takes any free one.
	Listen string
	// TLSCert and TLSKey are PEM files; both or neither.
	TLSCert, TLSKey string
	// Insecure allows an address that others can reach without TLS.
	Insecure bool
	// ExternalURL is the https:// address that clients use when it is not the
	// one that their requests arrive with, because something in front of the
	// server speaks TLS; empty when nothing does.
	ExternalURL string
	// Version is told in the OpenAPI document.
	Version string
}

// Server answers the HTTP API from one engine.
type Server struct {
	engine *engine.Engine
	config Config
	logger hclog.Logger
	now    func() time.Time
	rules  map[string]rule
	// handler is made when it is first asked for: what the engine has to do at once
	// when it starts does not wait for the description of the whole API.
	handler  func() http.Handler
	listener net.Listener
}

// New makes a server; it does not listen yet.
func New(e *engine.Engine, config Config, logger hclog.Logger) *Server {
	s := &Server{engine: e, config: config, logger: logger, now: e.Journal.Now, rules: rules()}
	s.handler = sync.OnceValue(s.routes)
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler().ServeHTTP(w, r) }

// Listen binds the address and returns the endpoint that clients use. Requests
// wait until Serve.
func (s *Server) Listen(ctx context.Context) (string, error) {
	listener, err := listen(ctx, s.config)
	if err != nil {
		return "", err
	}
	s.listener = listener
	return endpoint(listener.Addr(), s.config.TLSCert != ""), nil
}

// Serve answers requests until ctx ends, then lets those under way finish. It
// listens first when Listen was not called.
func (s *Server) Serve(ctx context.Context) error {
	if s.listener == nil {
		if _, err := s.Listen(ctx); err != nil {
			return err
		}
	}
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		WriteTimeout:      15 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          s.logger.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan error, 1)
	go func() { ended <- s.serve(server) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		s.logger.Warn("requests were broken off", "after", drainTimeout.String(), "error", err)
		_ = server.Close() // what is still open was given its time
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	}
	return nil
}

func (s *Server) serve(server *http.Server) error {
	if s.config.TLSCert == "" {
		return server.Serve(s.listener)
	}
	files := &certificateFiles{cert: s.config.TLSCert, key: s.config.TLSKey, logger: s.logger}
	server.TLSConfig = files.config()
	return server.ServeTLS(s.listener, "", "")
}
