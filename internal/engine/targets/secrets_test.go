package targets_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestSecretsStayInsideTheirApplication(t *testing.T) {
	dir := t.TempDir()
	write := func(path, content string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("billing/password", "from file\n")
	write("payroll/password", "another's")
	if err := os.Symlink(filepath.Join(dir, "payroll", "password"), filepath.Join(dir, "billing", "link")); err != nil {
		t.Fatal(err)
	}
	// As Kubernetes mounts a secret, so that all of its files change at once.
	write("ledger/..2026_03_01/password", "mounted")
	for link, to := range map[string]string{"..data": "..2026_03_01", "password": "..data/password"} {
		if err := os.Symlink(to, filepath.Join(dir, "ledger", link)); err != nil {
			t.Fatal(err)
		}
	}
	environment := map[string]string{
		"STINT_SECRET_BILLING_PASSWORD":    "from env",
		"STINT_SECRET_BILLING_EU_PASSWORD": "another's",
		"STINT_TOKEN":                      "another's",
	}
	namespaces := targets.SecretNamespaces{Dir: dir, LookupEnv: func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}}
	for _, c := range []struct {
		application governance.ApplicationID
		reference   string
		want        string // empty: refused
	}{
		{"billing", "env:STINT_SECRET_BILLING_PASSWORD", "from env"},
		{"billing", "file:password", "from file"},
		{"ledger", "file:password", "mounted"},
		{"billing-eu", "env:STINT_SECRET_BILLING_EU_PASSWORD", "another's"},
		{"billing", "env:STINT_SECRET_BILLING_EU_PASSWORD", ""},
		{"billing", "env:STINT_SECRET_PAYROLL_PASSWORD", ""},
		{"billing", "env:STINT_SECRET_BILLING_", ""},
		{"billing", "env:STINT_SECRET_BILLING_OTHER", ""},
		{"billing", "env:STINT_TOKEN", ""},
		{"billing", "file:../payroll/password", ""},
		{"billing", "file:link", ""},
		{"billing", "file:absent", ""},
		{"billing", "file:/etc/passwd", ""},
		{"absent", "file:password", ""},
		{"billing", "hunter2", ""},
	} {
		got, err := namespaces.Of(c.application)(t.Context(), c.reference)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %s gives %q, error %v; want %q", c.application, c.reference, got, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "another's") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
}
