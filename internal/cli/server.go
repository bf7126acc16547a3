package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// ServerFunc runs a server until ctx ends and returns nil when it came to rest
// by that. It calls ready once, when the server answers; an error from ready
// stops it.
type ServerFunc func(ctx context.Context, config ServerConfig, ready func(ServerReady) error) error

// ServerConfig says how to run a server. Every path is set.
type ServerConfig struct {
	// Listen is host:port; port 0 takes a free one.
	Listen string
	// ExternalURL is the https:// URL that clients use; empty when it is the
	// one that their requests arrive with.
	ExternalURL string
	// Database is the path of a SQLite file or a postgres:// URL.
	Database string
	// EvidenceDir holds the signing key and the latest checkpoint.
	EvidenceDir string
	// SecretsDir holds a folder of secrets for each application.
	SecretsDir string
	// TLSCert and TLSKey are PEM files; both or neither.
	TLSCert, TLSKey string
	// Insecure allows to listen beyond this machine without TLS.
	Insecure bool
	// DrainDelay is how long the server answers at least after it was told to
	// end.
	DrainDelay time.Duration
	// LogLevel is trace, debug, info, warn, error or off.
	LogLevel string
	LogJSON  bool
	// Log receives the server's log; never nil.
	Log io.Writer
	// Version is told to whoever asks the server.
	Version string
	// NeedToken asks for a bootstrap token in any case, not only while the
	// server has no token at all.
	NeedToken bool
	// CheckTokenFile, unless nil, is called before a bootstrap token is made:
	// its error stops the server while nothing is lost yet.
	CheckTokenFile func() error
}

// ServerReady is what a person needs to speak to a server that answers.
type ServerReady struct {
	// URL is the server's address.
	URL string
	// Token is the secret of a bootstrap token that was made at this start;
	// empty when none was.
	Token string
	// EvidenceKey verifies the server's evidence; auditors pin it.
	EvidenceKey string
}

func (a *app) serverCommand() *cobra.Command {
	var flags serverFlags
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run a server",
		Long: `Run a server: the engine that decides, grants and revokes, with its HTTP API.

Every flag can be given as an environment variable too, STINT_SERVER_ and the
flag's name in capitals (STINT_SERVER_DATABASE), or as a line of the file that
--config names (database = "…"; HCL, names with underscores). A flag wins over
the environment, the environment over the file.

At the first start on an empty database a bootstrap token is written into
bootstrap-token under --data-dir, for its owner only. It can declare, read and
make tokens, but neither request nor approve: make tokens for people with
` + "`stint token create`" + ` and remove it.

Told to end by SIGTERM or ctrl-C, the server is not ready any more, finishes the
target calls and the requests under way, signs the evidence, and ends; a second
signal breaks that off. What it did not finish the next start, or another server
on the same PostgreSQL, takes up.

With --dev the server keeps nothing: it runs in a directory of its own, which is
removed at the end, on a free port, and prints what to paste into another shell.`,
		Example: `  stint server --dev
  stint server --data-dir /var/lib/stint --listen 0.0.0.0:8420 --tls-cert tls.crt --tls-key tls.key`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.fillServerFlags(cmd.Flags()); err != nil {
				return err
			}
			if flags.dev {
				return a.serveThrowAway(cmd.Context(), flags, cmd.Flags().Changed)
			}
			return a.serve(cmd.Context(), flags)
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

// serve runs a server that keeps its state.
func (a *app) serve(ctx context.Context, flags serverFlags) error {
	config, err := flags.config()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(flags.dataDir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w; give another with --data-dir", err)
	}
	config.Log, config.Version = a.Err, a.Version
	tokenFile := filepath.Join(flags.dataDir, "bootstrap-token")
	config.CheckTokenFile = func() error { return checkWritable(flags.dataDir) }
	return a.Serve(ctx, config, func(ready ServerReady) error {
		if ready.Token != "" {
			if err := writeTokenFile(tokenFile, ready.Token); err != nil {
				return fmt.Errorf("keep the bootstrap token: %w; nobody holds a token of this new database, so remove the database and start again", err)
			}
			a.note("the database was empty: a bootstrap token is in %s; use it with --token-file, then remove it", tokenFile)
		}
		a.note("evidence key, to be pinned elsewhere: %s", ready.EvidenceKey)
		a.note("stint %s answers at %s", a.Version, ready.URL)
		return nil
	})
}

func checkWritable(folder string) error {
	probe, err := os.CreateTemp(folder, ".probe-")
	if err != nil {
		return fmt.Errorf("the bootstrap token could not be kept: %w; give another --data-dir", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func writeTokenFile(path, token string) error {
	return writePrivate(path, func(w io.Writer) error { _, err := io.WriteString(w, token+"\n"); return err })
}

// serveThrowAway runs a server whose state is removed when it ends.
func (a *app) serveThrowAway(ctx context.Context, flags serverFlags, given func(flag string) bool) (err error) {
	if given("data-dir") || given("database") || given("evidence-dir") {
		return usageErrorf("--dev keeps nothing, so it takes neither --data-dir, --database nor --evidence-dir; leave --dev out to keep state")
	}
	folder, err := os.MkdirTemp("", "stint-dev-")
	if err != nil {
		return fmt.Errorf("make a directory for the throw-away server: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	flags.dataDir = folder
	if !given("listen") {
		flags.listen = "127.0.0.1:0"
	}
	config, err := flags.config()
	if err != nil {
		return err
	}
	config.Log, config.Version, config.NeedToken = a.Err, a.Version, true
	return a.Serve(ctx, config, func(ready ServerReady) error {
		a.note("a throw-away server is up; ctrl-C ends it and removes all that it holds. In another shell, paste:")
		_, err := fmt.Fprintf(a.Out, "export %s=%s\nexport %s=%s\nexport %s=%s\n",
			envAddr, shellQuote(ready.URL), envToken, shellQuote(ready.Token), envEvidenceKey, shellQuote(ready.EvidenceKey))
		return err
	})
}

// shellQuote makes text one word of a POSIX shell.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
