// Package kubernetes reads the manifests of the examples with Kubernetes' own types,
// which refuse a field that is unknown, twice there or of the wrong type.
package kubernetes

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func decoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

func TestManifestsAreWhatKubernetesReads(t *testing.T) {
	text, err := os.ReadFile("../../examples/deployment/kubernetes/stint.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decode, documents, read := decoder(t), yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text))), 0
	for {
		document := make([]byte, len(text)+1)
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		object, kind, err := decode.Decode(document[:n], nil, nil)
		if err != nil {
			t.Errorf("%v: %v", kind, err)
			continue
		}
		read++
		named := object.(metav1.Object)
		for _, problem := range validation.IsDNS1123Label(named.GetName()) {
			t.Errorf("%v %q: %s", kind, named.GetName(), problem)
		}
		for key, value := range named.GetLabels() {
			for _, problem := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
				t.Errorf("%v %q: label %s=%s: %s", kind, named.GetName(), key, value, problem)
			}
		}
	}
	if read != 6 {
		t.Errorf("%d objects were read, want 6", read)
	}
}

// A manifest with a mistake is refused, or the test above would say nothing.
func TestMistakesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown field":      "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\nautomount: false\n",
		"a field of two":        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\nmetadata: {name: y}\n",
		"a value of a kind":     "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: three}\n",
		"a kind that is not":    "apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\n",
		"a version that is not": "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n",
	} {
		if _, _, err := decoder(t).Decode([]byte(text), nil, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
