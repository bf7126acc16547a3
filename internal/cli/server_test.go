package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// serverRun is what one `stint server` came to.
type serverRun struct {
	config      ServerConfig
	code        int
	out, errors string
}

// runServer runs `stint server` with a server that only notes how it was
// configured, becomes ready with the given answer, and ends.
func runServer(t *testing.T, environment map[string]string, ready ServerReady, args ...string) serverRun {
	t.Helper()
	var run serverRun
	var out, errs strings.Builder
	program := Program{
		Version: "test", Out: &out, Err: &errs, Now: time.Now, Zone: time.UTC,
		LookupEnv: func(name string) (string, bool) { value, ok := environment[name]; return value, ok },
		Serve: func(_ context.Context, config ServerConfig, tell func(ServerReady) error) error {
			run.config = config
			if config.CheckTokenFile != nil {
				if err := config.CheckTokenFile(); err != nil {
					return err
				}
			}
			return tell(ready)
		},
	}
	run.code = program.Run(t.Context(), append([]string{"server"}, args...))
	run.out, run.errors = out.String(), errs.String()
	return run
}

func TestServerSettingsComeFromFlagThenEnvironmentThenFileThenDefault(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "stint.hcl")
	text := `
listen     = "file:1"
tls_cert   = "file.crt"
tls_key    = "file.key"
log_level  = "debug"
log_json   = true
secrets_dir = "file-secrets"
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"STINT_SERVER_CONFIG": file, "STINT_SERVER_TLS_CERT": "env.crt", "STINT_SERVER_TLS_KEY": "env.key", "STINT_SERVER_LISTEN": ""}
	run := runServer(t, environment, ServerReady{}, "--data-dir", folder, "--tls-key", "flag.key")
	if run.code != ExitOK {
		t.Fatalf("exit code %d: %s", run.code, run.errors)
	}
	want := ServerConfig{
		Listen: "file:1", TLSCert: "env.crt", TLSKey: "flag.key", LogLevel: "debug", LogJSON: true, SecretsDir: "file-secrets",
		Database: filepath.Join(folder, "stint.db"), EvidenceDir: filepath.Join(folder, "evidence"),
	}
	if diff := cmp.Diff(want, run.config, cmpopts.IgnoreFields(ServerConfig{}, "Log", "Version", "CheckTokenFile")); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestServerListensOnThisMachineUnlessToldOtherwise(t *testing.T) {
	run := runServer(t, nil, ServerReady{}, "--data-dir", t.TempDir())
	if run.config.Listen != "127.0.0.1:8420" || run.config.Insecure || run.config.NeedToken {
		t.Errorf("configuration %+v", run.config)
	}
}

func TestFirstStartKeepsTheBootstrapTokenForItsOwnerOnly(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	run := runServer(t, nil, ServerReady{URL: "http://127.0.0.1:1", Token: "secret-token", EvidenceKey: "k"}, "--data-dir", folder)
	path := filepath.Join(folder, "bootstrap-token")
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "secret-token\n" {
		t.Fatalf("token file: %q, %v", content, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode().Perm(), err)
	}
	if !strings.Contains(run.errors, path) {
		t.Errorf("the place of the token is not said: %s", run.errors)
	}
	if strings.Contains(run.out+run.errors, "secret-token") {
		t.Errorf("the token itself is printed: %s%s", run.out, run.errors)
	}
}

func TestLaterStartWritesNoToken(t *testing.T) {
	folder := t.TempDir()
	runServer(t, nil, ServerReady{URL: "http://127.0.0.1:1"}, "--data-dir", folder)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 0 {
		t.Errorf("files %v, %v; want none", entries, err)
	}
}

func TestThrowAwayServerPrintsExportsAndRemovesItsDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	run := runServer(t, nil, ServerReady{URL: "http://127.0.0.1:4711", Token: "a'b", EvidenceKey: "log+1+key="}, "--dev")
	want := "export STINT_ADDR='http://127.0.0.1:4711'\nexport STINT_TOKEN='a'\\''b'\nexport STINT_EVIDENCE_KEY='log+1+key='\n"
	if diff := cmp.Diff(want, run.out); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	if run.config.Listen != "127.0.0.1:0" || !run.config.NeedToken {
		t.Errorf("configuration %+v", run.config)
	}
	if _, err := os.Stat(filepath.Dir(run.config.Database)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory is still there: %v", err)
	}
}

func TestDataDirectoryThatCannotHoldTheTokenStopsTheServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run := runServer(t, nil, ServerReady{Token: "x"}, "--data-dir", file)
	if run.code != ExitError || !strings.Contains(run.errors, "give another with --data-dir") {
		t.Errorf("exit code %d: %s", run.code, run.errors)
	}
}
