package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const (
	serverEnvPrefix = "STINT_SERVER_"
	defaultListen   = "127.0.0.1:8420"
	defaultDataDir  = "."
	configFlag      = "config"
)

// serverFlags are the settings of a server as they were given. Its flags are
// the one list of settings: environment and file are read into them.
type serverFlags struct {
	listen, externalURL                        string
	dataDir, database, evidenceDir, secretsDir string
	tlsCert, tlsKey, logLevel                  string
	insecure, logJSON, dev                     bool
	drainDelay                                 time.Duration
}

func (f *serverFlags) register(flags *pflag.FlagSet) {
	flags.String(configFlag, "", "file with settings, in HCL")
	flags.StringVar(&f.dataDir, "data-dir", defaultDataDir, "directory for all that has no place of its own")
	flags.StringVar(&f.database, "database", "", "path of a SQLite file, or a postgres:// URL (default stint.db under --data-dir); give a URL that holds a password by environment or file")
	flags.StringVar(&f.evidenceDir, "evidence-dir", "", "directory of the evidence's signing key and latest checkpoint (default evidence under --data-dir); keep it out of reach of whoever can write to the database")
	flags.StringVar(&f.secretsDir, "secrets-dir", "", "directory with a folder of secrets for each application (default secrets under --data-dir)")
	flags.StringVar(&f.listen, "listen", defaultListen, "host:port to listen on; port 0 takes a free one")
	flags.StringVar(&f.externalURL, "external-url", "", "https:// URL that clients reach the server under, when something in front of it speaks TLS; AuthZEN clients are told it")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "PEM file of the server's certificate")
	flags.StringVar(&f.tlsKey, "tls-key", "", "PEM file of the certificate's key")
	flags.BoolVar(&f.insecure, "insecure", false, "allow to listen beyond this machine without TLS: tokens travel in the clear")
	flags.DurationVar(&f.drainDelay, "drain-delay", 0, "how long to answer at least after the server was told to end, so that a load balancer sees first that it is not ready")
	flags.StringVar(&f.logLevel, "log-level", "info", "trace, debug, info, warn, error or off")
	flags.BoolVar(&f.logJSON, "log-json", false, "log as JSON lines")
	flags.BoolVar(&f.dev, "dev", false, "run a throw-away server that keeps nothing")
}

// config checks the settings and fills in what follows from --data-dir.
func (f *serverFlags) config() (ServerConfig, error) {
	if !slices.Contains([]string{"trace", "debug", "info", "warn", "error", "off"}, f.logLevel) {
		return ServerConfig{}, usageErrorf("--log-level %q is not one of trace, debug, info, warn, error, off", f.logLevel)
	}
	if f.drainDelay < 0 {
		return ServerConfig{}, usageErrorf("--drain-delay %s is negative", f.drainDelay)
	}
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return ServerConfig{}, usageErrorf("--tls-cert and --tls-key belong together; give both or neither")
	}
	under := func(given, name string) string {
		if given != "" {
			return given
		}
		return filepath.Join(f.dataDir, name)
	}
	return ServerConfig{
		Listen: f.listen, ExternalURL: f.externalURL, Database: under(f.database, "stint.db"),
		EvidenceDir: under(f.evidenceDir, "evidence"), SecretsDir: under(f.secretsDir, "secrets"),
		TLSCert: f.tlsCert, TLSKey: f.tlsKey, Insecure: f.insecure, DrainDelay: f.drainDelay,
		LogLevel: f.logLevel, LogJSON: f.logJSON,
	}, nil
}

// fillServerFlags gives every setting that has no flag on the command line its
// value from the environment, else from the configuration file.
func (a *app) fillServerFlags(flags *pflag.FlagSet) error {
	var failure error
	fill := func(flag *pflag.Flag, value, from string) {
		if failure != nil || flag.Changed {
			return
		}
		if err := flags.Set(flag.Name, value); err != nil {
			failure = usageErrorf("%s: %w", from, err)
		}
	}
	local := localFlags(flags)
	for _, flag := range local {
		variable := serverEnvPrefix + strings.ToUpper(settingName(flag))
		if value := a.env(variable); value != "" {
			fill(flag, value, variable)
		}
	}
	if path := flags.Lookup(configFlag).Value.String(); path != "" {
		settings, err := readServerFile(path, local)
		if err != nil {
			return err
		}
		for _, s := range settings {
			fill(s.flag, s.value, s.position)
		}
	}
	return failure
}

// localFlags are the server's own flags, without those that every command takes.
func localFlags(flags *pflag.FlagSet) []*pflag.Flag {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&serverFlags{}).register(own)
	var local []*pflag.Flag
	own.VisitAll(func(flag *pflag.Flag) { local = append(local, flags.Lookup(flag.Name)) })
	return local
}

// settingName is a flag's name in the file, and in capitals in the environment.
func settingName(flag *pflag.Flag) string { return strings.ReplaceAll(flag.Name, "-", "_") }
