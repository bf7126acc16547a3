package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// losing loses the first answer to each call that the server has carried out.
type losing struct {
	mu   sync.Mutex
	keys map[string]int
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	key := r.Header.Get("Idempotency-Key")
	if err != nil || key == "" {
		return response, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys[key]++; l.keys[key] > 1 {
		return response, nil
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return nil, syscall.ECONNRESET
}

func TestCallWhoseAnswerIsLostIsDoneOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		e := furnish(t, h)
		ctx := t.Context()
		lost := &losing{keys: map[string]int{}}
		losing := func(who string, roles ...api.Role) *client.Client {
			t.Helper()
			made, err := e.root.CreateToken(ctx, api.TokenInput{Name: who + "-losing", Identity: governance.IdentityID(who), Roles: roles})
			if err != nil {
				t.Fatal(err)
			}
			c, err := client.New(client.Config{Endpoint: e.endpoint, Token: made.Secret, HTTPClient: &http.Client{Transport: lost}})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		mia, ada := losing("mia"), losing("ada", api.RoleAdmin)
		template, err := client.Get(ctx, e.root, api.GrantTemplates, string(e.request.Template))
		if err != nil {
			t.Fatal(err)
		}
		template.Approval = governance.ApprovalDefinition{Automatic: true}
		template.Extension = &governance.ExtensionBounds{MaxTotal: governance.Duration(8 * time.Hour)}
		if _, err := client.Update(ctx, e.root, api.GrantTemplates, template.Version, template.GrantTemplate); err != nil {
			t.Fatal(err)
		}

		// Opened twice, the second would be refused because of the first.
		if _, err := ada.OpenEvent(ctx, governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: time.Now().Add(24 * time.Hour)}); err != nil {
			t.Fatalf("open an event: %v", err)
		}
		request, err := mia.Request(ctx, e.request)
		if err != nil || len(request.Grants) != 1 {
			t.Fatalf("request: %+v, %v", request, err)
		}
		was := e.awaitState(t, request.Grants[0], governance.GrantActive)
		more := governance.Duration(time.Hour)
		if _, err := mia.Extend(ctx, was.ID, api.ExtendInput{Duration: &more, Justification: "not done"}); err != nil {
			t.Fatalf("extend: %v", err)
		}
		if is := e.awaitState(t, was.ID, governance.GrantActive); !is.NotAfter.Equal(was.NotAfter.Add(time.Hour)) {
			t.Errorf("an extension by 1h took the end from %s to %s", was.NotAfter, is.NotAfter)
		}
		if all, err := mia.Requests(ctx, client.RequestFilter{}); err != nil || len(all.Items) != 2 {
			t.Errorf("a request and an extension are %d, %v", len(all.Items), err)
		}
		for key, n := range lost.keys {
			if n != 2 {
				t.Errorf("the call %s was made %d times", key, n)
			}
		}
		if len(lost.keys) != 3 {
			t.Errorf("%d calls were named", len(lost.keys))
		}
	})
}

func TestKeyOfACallIsForThatCall(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	post := func(path, key, body string) (status int, said string) {
		t.Helper()
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, h.endpoint+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+h.token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	event := func(name string) string {
		return `{"name": "` + name + `", "kind": "incident", "ends_at": "2050-01-01T00:00:00Z"}`
	}
	const events = "/v1/business-events"
	first, opened := post(events, `"a-key"`, event("INC-1"))
	for _, c := range []struct {
		name, key, body string
		status          int
		says            string
	}{
		{"again", `"a-key"`, event("INC-1"), first, strings.TrimSpace(opened)},
		{"again, written otherwise", `a-key`, strings.ReplaceAll(event("INC-1"), " ", "\n"), first, strings.TrimSpace(opened)},
		{"another event", `"a-key"`, event("INC-2"), http.StatusUnprocessableEntity, "stands for another call"},
		{"another key", `"b-key"`, event("INC-1"), http.StatusPreconditionFailed, "is open already"},
		{"empty key", `""`, event("INC-3"), http.StatusBadRequest, "Idempotency-Key is not understood"},
		{"endless key", strings.Repeat("k", 256), event("INC-3"), http.StatusBadRequest, "Idempotency-Key is not understood"},
		{"key of other letters", "k\u00e4", event("INC-3"), http.StatusBadRequest, "Idempotency-Key is not understood"},
	} {
		if status, said := post(events, c.key, c.body); first != http.StatusCreated || status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d %s", c.name, status, said)
		}
	}
}
