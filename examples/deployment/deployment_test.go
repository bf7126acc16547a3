// Package deployment_test holds the files for running Stint against Stint itself:
// that the settings in them are settings, and that what belongs together agrees.
package deployment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
)

// drains is how long a server that is told to end may take, besides its
// --drain-delay: 40 seconds for calls of targets, 10 for requests.
const drains = 50 * time.Second

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configured is what `stint` makes of arguments, with what it would write moved
// below a folder of the test's.
func configured(t *testing.T, arguments ...string) cli.ServerConfig {
	t.Helper()
	folder := t.TempDir()
	for i, argument := range arguments {
		arguments[i] = strings.ReplaceAll(argument, "/var/lib", folder)
	}
	var got cli.ServerConfig
	var said strings.Builder
	program := cli.Program{
		Version: "test", Out: io.Discard, Err: &said, Now: time.Now, Zone: time.UTC,
		LookupEnv: func(string) (string, bool) { return "", false },
		Serve: func(_ context.Context, config cli.ServerConfig, _ func(cli.ServerReady) error) error {
			got = config
			return nil
		},
	}
	if code := program.Run(t.Context(), arguments); code != cli.ExitOK {
		t.Fatalf("stint %s: exit code %d: %s", strings.Join(arguments, " "), code, said.String())
	}
	return got
}

// checkServer is what holds of a server wherever it runs.
func checkServer(t *testing.T, got cli.ServerConfig) {
	t.Helper()
	if got.Listen != "0.0.0.0:8420" || got.TLSCert == "" || got.TLSKey == "" || got.Insecure || !got.LogJSON {
		t.Errorf("the server is configured as %+v", got)
	}
}

func TestUnitStartsAServerAndLetsItDrain(t *testing.T) {
	settings := strings.ReplaceAll(read(t, "systemd/stint.hcl"), "/var/lib", t.TempDir())
	config := filepath.Join(t.TempDir(), "stint.hcl")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	unit := read(t, "systemd/stint.service")
	command := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/stint (.*)$`).FindStringSubmatch(unit)
	if command == nil {
		t.Fatal("the unit starts nothing")
	}
	got := configured(t, strings.Fields(strings.ReplaceAll(command[1], "/etc/stint/stint.hcl", config))...)
	checkServer(t, got)
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(unit)
	if stop == nil {
		t.Fatal("the unit bounds no stop")
	}
	if bound, err := time.ParseDuration(stop[1] + "s"); err != nil || bound < got.DrainDelay+drains {
		t.Errorf("it is killed after %s, while it drains", bound)
	}
}

// systemd itself reads the unit.
func TestUnitIsOneForSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is not installed; tools/ensure.sh systemd brings it")
	}
	path := filepath.Join(t.TempDir(), "stint.service")
	unit := strings.NewReplacer("/usr/local/bin/stint", "/bin/true", "User=stint", "User=root", "Group=stint", "Group=root").Replace(read(t, "systemd/stint.service"))
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", path).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(said)) {
		if strings.Contains(line, "stint.service") {
			t.Errorf("systemd says: %s", line)
		}
	}
}

func TestContainerRunsAServerAsNobody(t *testing.T) {
	lines := map[string][]string{}
	for line := range strings.Lines(read(t, "container/Containerfile")) {
		if word, rest, found := strings.Cut(strings.TrimSpace(line), " "); found && word != "#" {
			lines[word] = append(lines[word], rest)
		}
	}
	if copies := strings.Join(lines["COPY"], "\n"); !strings.Contains(copies, "--chown=65532:65532 /state /var/lib/stint") {
		t.Errorf("whom its state belongs to is left to the builder: %s", copies)
	}
	if from := lines["FROM"]; len(from) != 2 || !strings.Contains(from[1], "distroless/static") {
		t.Errorf("it is built from %q", from)
	}
	if got := strings.Join(lines["USER"], " "); got != "65532:65532" {
		t.Errorf("it runs as %q", got)
	}
	var command []string
	if err := json.Unmarshal([]byte(strings.Join(lines["CMD"], "")), &command); err != nil {
		t.Fatal(err)
	}
	got := configured(t, command...)
	checkServer(t, got)
	if !strings.HasSuffix(got.Listen, ":"+strings.Join(lines["EXPOSE"], " ")) {
		t.Errorf("it listens on %s and exposes %q", got.Listen, lines["EXPOSE"])
	}
	module := read(t, "../../go.mod")
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(module)
	if !strings.Contains(lines["FROM"][0], "golang:"+wanted[1]) {
		t.Errorf("it is built with %q, the module wants Go %s", lines["FROM"][0], wanted[1])
	}
}

// The fields of Kubernetes that the manifests use; any other name is an error.
type (
	names  = map[string]string
	object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct {
			Name   string
			Labels names
		}
		Automount *bool `yaml:"automountServiceAccountToken"`
		Spec      yaml.Node
	}
	selector struct {
		MatchLabels names `yaml:"matchLabels"`
	}
	deployment struct {
		Replicas int
		Selector selector
		Strategy struct {
			Type          string
			RollingUpdate struct {
				MaxUnavailable int `yaml:"maxUnavailable"`
				MaxSurge       int `yaml:"maxSurge"`
			} `yaml:"rollingUpdate"`
		}
		Template struct {
			Metadata struct{ Labels names }
			Spec     pod
		}
	}
	pod struct {
		ServiceAccountName string `yaml:"serviceAccountName"`
		Automount          *bool  `yaml:"automountServiceAccountToken"`
		ServiceLinks       *bool  `yaml:"enableServiceLinks"`
		Grace              int    `yaml:"terminationGracePeriodSeconds"`
		Spread             []struct {
			MaxSkew           int      `yaml:"maxSkew"`
			TopologyKey       string   `yaml:"topologyKey"`
			WhenUnsatisfiable string   `yaml:"whenUnsatisfiable"`
			LabelSelector     selector `yaml:"labelSelector"`
		} `yaml:"topologySpreadConstraints"`
		Security struct {
			RunAsNonRoot        bool                  `yaml:"runAsNonRoot"`
			RunAsUser           int                   `yaml:"runAsUser"`
			RunAsGroup          int                   `yaml:"runAsGroup"`
			FSGroup             int                   `yaml:"fsGroup"`
			FSGroupChangePolicy string                `yaml:"fsGroupChangePolicy"`
			Seccomp             struct{ Type string } `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		Containers []container
		Volumes    []struct {
			Name     string
			EmptyDir *struct {
				Medium    string
				SizeLimit string `yaml:"sizeLimit"`
			} `yaml:"emptyDir"`
			Claim *struct {
				ClaimName string `yaml:"claimName"`
			} `yaml:"persistentVolumeClaim"`
			Secret *struct {
				SecretName string `yaml:"secretName"`
			}
		}
	}
	container struct {
		Name, Image string
		Args        []string
		Env         []struct {
			Name      string
			ValueFrom struct {
				SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
			} `yaml:"valueFrom"`
		}
		Ports []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		Startup   probe `yaml:"startupProbe"`
		Liveness  probe `yaml:"livenessProbe"`
		Readiness probe `yaml:"readinessProbe"`
		Security  struct {
			AllowPrivilegeEscalation bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct{ Drop []string }
		} `yaml:"securityContext"`
		Resources struct{ Requests, Limits names }
		Mounts    []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	probe struct {
		HTTPGet struct{ Path, Port, Scheme string } `yaml:"httpGet"`
		Period  int                                 `yaml:"periodSeconds"`
		Timeout int                                 `yaml:"timeoutSeconds"`
		Failure int                                 `yaml:"failureThreshold"`
	}
	service struct {
		Selector names
		Ports    []struct {
			Name       string
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
	}
	budget struct {
		MinAvailable int    `yaml:"minAvailable"`
		Unhealthy    string `yaml:"unhealthyPodEvictionPolicy"`
		Selector     selector
	}
	claim struct {
		AccessModes []string `yaml:"accessModes"`
		Resources   struct{ Requests names }
	}
	rule struct {
		Ports []struct {
			Protocol string
			Port     int
		}
	}
	policy struct {
		PodSelector     selector `yaml:"podSelector"`
		PolicyTypes     []string `yaml:"policyTypes"`
		Ingress, Egress []rule
	}
)

// manifests decodes every object of the file, by kind, and refuses unknown fields.
func manifests(t *testing.T) map[string]object {
	t.Helper()
	found := map[string]object{}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes/stint.yaml")))
	decoder.KnownFields(true)
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[o.APIVersion+" "+o.Kind] = o
	}
}

func spec[T any](t *testing.T, objects map[string]object, kind string) (s T) {
	t.Helper()
	o, found := objects[kind]
	if !found {
		t.Fatalf("there is no %s", kind)
	}
	text, err := yaml.Marshal(&o.Spec)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&s); err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return s
}

func TestManifestsAgreeWithTheServerAndWithOneAnother(t *testing.T) {
	objects := manifests(t)
	d := spec[deployment](t, objects, "apps/v1 Deployment")
	c := d.Template.Spec.Containers[0]
	got := configured(t, c.Args...)
	checkServer(t, got)
	if grace := time.Duration(d.Template.Spec.Grace) * time.Second; grace < got.DrainDelay+drains {
		t.Errorf("a server is killed after %s, while it drains", grace)
	}
	if unnoticed := time.Duration(c.Readiness.Period*c.Readiness.Failure+c.Readiness.Timeout) * time.Second; got.DrainDelay < unnoticed {
		t.Errorf("that a server is not ready is noticed after %s, and it answers for %s", unnoticed, got.DrainDelay)
	}
	if c.Startup.HTTPGet != c.Liveness.HTTPGet || c.Startup.Period*c.Startup.Failure < 300 {
		t.Errorf("while the database is brought up to date it is probed by %+v", c.Startup)
	}
	if links := d.Template.Spec.ServiceLinks; links == nil || *links {
		t.Error("the service's variables stand among the server's settings")
	}
	if c.Liveness.HTTPGet.Path != "/healthz" || c.Readiness.HTTPGet.Path != "/readyz" {
		t.Errorf("it is probed at %s and %s", c.Liveness.HTTPGet.Path, c.Readiness.HTTPGet.Path)
	}
	s := spec[service](t, objects, "v1 Service")
	for what, port := range map[string]string{"the service": s.Ports[0].TargetPort, "liveness": c.Liveness.HTTPGet.Port, "readiness": c.Readiness.HTTPGet.Port} {
		if port != c.Ports[0].Name {
			t.Errorf("%s asks at port %q", what, port)
		}
	}
	n := spec[policy](t, objects, "networking.k8s.io/v1 NetworkPolicy")
	if n.Ingress[0].Ports[0].Port != c.Ports[0].ContainerPort || !strings.HasSuffix(got.Listen, ":8420") || c.Ports[0].ContainerPort != 8420 {
		t.Errorf("it listens on %s, as port %d, and is let in at %d", got.Listen, c.Ports[0].ContainerPort, n.Ingress[0].Ports[0].Port)
	}
	b := spec[budget](t, objects, "policy/v1 PodDisruptionBudget")
	if b.MinAvailable >= d.Replicas || d.Replicas < 3 || b.Unhealthy != "AlwaysAllow" {
		t.Errorf("of %d servers %d must stay, with those that are not ready %q", d.Replicas, b.MinAvailable, b.Unhealthy)
	}
	for what, labels := range map[string]names{"deployment": d.Selector.MatchLabels, "service": s.Selector, "budget": b.Selector.MatchLabels, "network": n.PodSelector.MatchLabels} {
		for key, value := range labels {
			if d.Template.Metadata.Labels[key] != value || len(labels) == 0 {
				t.Errorf("the %s selects %v", what, labels)
			}
		}
	}
	checkVolumes(t, objects, d.Template.Spec)
}

// Everything that is mounted is there, and the key is shared and kept.
func checkVolumes(t *testing.T, objects map[string]object, p pod) {
	t.Helper()
	volumes := map[string]bool{}
	for _, v := range p.Volumes {
		volumes[v.Name] = true
		if v.Name == "evidence" && (v.Claim == nil || v.Claim.ClaimName != objects["v1 PersistentVolumeClaim"].Metadata.Name) {
			t.Errorf("the evidence's key is in %+v", v)
		}
	}
	for _, m := range p.Containers[0].Mounts {
		if !volumes[m.Name] {
			t.Errorf("%s is mounted and not there", m.Name)
		}
	}
	if modes := spec[claim](t, objects, "v1 PersistentVolumeClaim").AccessModes; len(modes) != 1 || modes[0] != "ReadWriteMany" {
		t.Errorf("three servers share a volume of %v", modes)
	}
	if p.Security.FSGroupChangePolicy != "OnRootMismatch" || !p.Security.RunAsNonRoot || !p.Containers[0].Security.ReadOnlyRootFilesystem {
		t.Errorf("the pod runs as %+v", p.Security)
	}
}

// Every command that the guide for operators shows is one, with the flags it shows.
func TestCommandsOfTheGuideExist(t *testing.T) {
	guide := read(t, "../../templates/guides/operations.md.tmpl")
	commands := regexp.MustCompile("(?m)^stint .*$|`stint [a-z][^`]*`").FindAllString(guide, -1)
	if len(commands) < 10 {
		t.Fatalf("the guide shows %q", commands)
	}
	for _, command := range commands {
		words := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(strings.Trim(command, "`"), -1)
		var said strings.Builder
		program := cli.Program{
			Version: "test", Out: io.Discard, Err: &said, Now: time.Now, Zone: time.UTC,
			LookupEnv: func(string) (string, bool) { return "", false },
		}
		if code := program.Run(t.Context(), append(words[1:], "--help")); code != cli.ExitOK {
			t.Errorf("%s: %s", command, said.String())
		}
	}
}
