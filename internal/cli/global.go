package cli

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Environment variables that every command reads.
const (
	envAddr        = "STINT_ADDR"
	envToken       = "STINT_TOKEN"
	envTokenFile   = "STINT_TOKEN_FILE" //nolint:gosec // a name, not a token
	envCACert      = "STINT_CACERT"
	envEvidenceKey = "STINT_EVIDENCE_KEY"
	envNoColor     = "NO_COLOR"
)

// defaultAddr is where `stint server` listens unless it is told otherwise.
const defaultAddr = "http://127.0.0.1:8420"

// callTimeout bounds a call unless --timeout says otherwise.
const callTimeout = 30 * time.Second

const (
	outputTable = "table"
	outputJSON  = "json"
)

// globalFlags are the flags that every command takes.
type globalFlags struct {
	addr, token, tokenFile, caCert string
	output                         string
	noColor                        bool
	timeout                        durationFlag
}

func (g *globalFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&g.addr, "addr", "", "address of the server (env "+envAddr+", default "+defaultAddr+")")
	flags.StringVar(&g.token, "token", "", "API token; others on the machine can see it in the process list, so prefer env "+envToken+" or --token-file")
	flags.StringVar(&g.tokenFile, "token-file", "", "file that holds the API token (env "+envTokenFile+")")
	flags.StringVar(&g.caCert, "ca-cert", "", "PEM file of the authorities to trust for the server, besides the system's (env "+envCACert+")")
	flags.StringVarP(&g.output, "output", "o", outputTable, "table for people or json for machines (--format is the same)")
	flags.BoolVar(&g.noColor, "no-color", false, "no colours (env "+envNoColor+")")
	g.timeout = durationOf(callTimeout)
	flags.Var(&g.timeout, "timeout", "longest time for one call to the server; 0s waits for ever")
}

func (g *globalFlags) check() error {
	if g.output != outputTable && g.output != outputJSON {
		return usageErrorf("--output %q is neither %s nor %s", g.output, outputTable, outputJSON)
	}
	return nil
}

func (a *app) json() bool { return a.global.output == outputJSON }

// env reads a variable; one that is set to nothing counts as not set.
func (a *app) env(name string) string {
	value, _ := a.LookupEnv(name)
	return value
}

// firstOf returns the flag when it was given, else the variable, else the
// default.
func (a *app) firstOf(flag, variable, otherwise string) string {
	if flag != "" {
		return flag
	}
	if value := a.env(variable); value != "" {
		return value
	}
	return otherwise
}

// readToken finds the API token. The file wins over the variable only when it
// was named by a flag: what was written on this command line comes first.
func (a *app) readToken() (string, error) {
	switch {
	case a.global.token != "" && a.global.tokenFile != "":
		return "", usageErrorf("--token and --token-file exclude each other; give one")
	case a.global.token != "":
		return a.global.token, nil
	case a.global.tokenFile != "":
		return readTokenFile(a.global.tokenFile)
	case a.env(envToken) != "":
		return a.env(envToken), nil
	case a.env(envTokenFile) != "":
		return readTokenFile(a.env(envTokenFile))
	}
	return "", usageErrorf("no API token: set %s or give --token-file; `stint token create` makes one", envToken)
}

func readTokenFile(path string) (string, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the person names the file
	if err != nil {
		return "", usageErrorf("the token file cannot be read: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", usageErrorf("the token file %s is empty", path)
	}
	return token, nil
}
