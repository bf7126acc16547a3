package server

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokensDoNotCrossANetworkInTheClear(t *testing.T) {
	for address, refused := range map[string]bool{
		"127.0.0.1:0":        false,
		"localhost:0":        false,
		"127.9.9.9:0":        false,
		"0.0.0.0:0":          true,
		":0":                 true,
		"[::]:0":             true,
		"192.0.2.1:0":        true,
		"stint.example:0":    true,
		"localhost.evil:0":   true,
		"[::ffff:8.8.8.8]:0": true,
	} {
		listener, err := listen(t.Context(), Config{Listen: address})
		if listener != nil {
			_ = listener.Close()
		}
		told := err != nil && strings.Contains(err.Error(), "without TLS") && strings.Contains(err.Error(), "--insecure")
		if told != refused {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestInsecureIsAllowedWhenSaid(t *testing.T) {
	listener, err := listen(t.Context(), Config{Listen: "0.0.0.0:0", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
}

func TestBadListenSettingsAreNamed(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.pem")
	for says, config := range map[string]Config{
		"is not host:port":      {Listen: "8443"},
		"give both, or neither": {Listen: "127.0.0.1:0", TLSCert: "x"},
		"read the certificate":  {Listen: "127.0.0.1:0", TLSCert: absent, TLSKey: absent},
	} {
		if _, err := listen(t.Context(), config); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", config, err, says)
		}
	}
}

func TestEndpointIsWhatClientsUse(t *testing.T) {
	for _, tc := range []struct {
		ip     string
		secure bool
		want   string
	}{
		{"127.0.0.1", false, "http://127.0.0.1:81"},
		{"::1", true, "https://[::1]:81"},
		{"0.0.0.0", true, "https://localhost:81"},
		{"::", false, "http://localhost:81"},
	} {
		if got := endpoint(&net.TCPAddr{IP: net.ParseIP(tc.ip), Port: 81}, tc.secure); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.ip, got, tc.want)
		}
	}
}
