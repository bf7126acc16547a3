package targets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// SecretNamespaces resolves references to secrets, each application only inside
// its own namespace, so that whoever writes a configuration cannot send another
// secret of the engine to a host of their choice.
//
// A reference is `env:STINT_SECRET_<APPLICATION>_<WORD>`, with the application
// in capitals and - written as _, and the word of letters and digits only; or
// `file:<name>`, which is the file of that name in <dir>/<application>/.
type SecretNamespaces struct {
	// Dir holds a folder for each application; empty refuses file references.
	Dir string
	// LookupEnv is os.LookupEnv outside of tests.
	LookupEnv func(name string) (string, bool)
}

var (
	secretWord = regexp.MustCompile(`^[A-Z0-9]+$`)
	secretFile = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
)

// maxSecret bounds a secret file.
const maxSecret = 64 << 10

// Of is the resolver for one application. What it returns never appears in its
// errors.
func (s SecretNamespaces) Of(id governance.ApplicationID) connector.Secrets {
	prefix := "STINT_SECRET_" + strings.ToUpper(strings.ReplaceAll(string(id), "-", "_")) + "_"
	return func(_ context.Context, reference string) (string, error) {
		scheme, name, _ := strings.Cut(reference, ":")
		switch scheme {
		case "env":
			word, ours := strings.CutPrefix(name, prefix)
			if !ours || !secretWord.MatchString(word) {
				return "", fmt.Errorf("secret reference %q is outside of the namespace of %s: use env:%s followed by one word in capitals", reference, id, prefix)
			}
			value, set := s.LookupEnv(name)
			if !set {
				return "", fmt.Errorf("secret reference %q: the variable is not set in the environment of stint server", reference)
			}
			return value, nil
		case "file":
			return s.readFile(id, reference, name)
		}
		// Not quoted: it may be the secret itself.
		return "", fmt.Errorf("the secret reference is of no known form: use env:%sPASSWORD or file:<name>, never the secret itself", prefix)
	}
}

func (s SecretNamespaces) readFile(id governance.ApplicationID, reference, name string) (string, error) {
	if s.Dir == "" {
		return "", fmt.Errorf("secret reference %q: stint server has no secrets directory; start it with --secrets-dir", reference)
	}
	if !secretFile.MatchString(name) {
		return "", fmt.Errorf("secret reference %q: the name may have letters, digits, '.', '_' and '-' and is a file in the application's own folder", reference)
	}
	root, err := os.OpenRoot(filepath.Join(s.Dir, string(id)))
	if err != nil {
		return "", fmt.Errorf("secret reference %q: no folder %s in the secrets directory", reference, id)
	}
	defer func() { _ = root.Close() }()
	content, err := root.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("secret reference %q: no such file in the folder of %s", reference, id)
	case err != nil:
		return "", fmt.Errorf("secret reference %q: the file cannot be read", reference)
	case len(content) > maxSecret:
		return "", fmt.Errorf("secret reference %q: the file is larger than %d bytes", reference, maxSecret)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
