package server_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// estate is a house that governs a real PostgreSQL, with a role that mia may
// request and leo approves.
type estate struct {
	*house
	target         *pgtest.Server
	mia, leo, zoe  *client.Client
	admin, auditor *client.Client
	request        api.RequestInput
}

func furnish(t *testing.T, h *house) *estate {
	t.Helper()
	ctx := t.Context()
	e := &estate{house: h, target: pgtest.Start(t, pgtest.WithoutFsync())}
	e.target.Exec(t, "postgres", "CREATE ROLE stint LOGIN SUPERUSER PASSWORD 'stint'",
		"CREATE ROLE mia LOGIN", "CREATE ROLE billing_admin", "CREATE ROLE nobodys LOGIN")
	if err := os.MkdirAll(filepath.Join(h.secrets, "billing"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.secrets, "billing", "password"), []byte("stint"), 0o600); err != nil {
		t.Fatal(err)
	}
	e.mia, e.leo, e.zoe = h.person(t, "mia"), h.person(t, "leo"), h.person(t, "zoe")
	e.admin, e.auditor = h.person(t, "ada", api.RoleAdmin), h.person(t, "udo", api.RoleAuditor)

	connector, err := json.Marshal(map[string]any{
		"host": e.target.Host(), "port": e.target.Port(), "username": "stint", "password_ref": "file:password", "sslmode": "disable",
	})
	if err != nil {
		t.Fatal(err)
	}
	application, err := client.Create(ctx, h.root, api.Applications, governance.Application{
		Name: "billing", Connector: map[string]json.RawMessage{"postgresql": connector},
		Correlation: "account.name == identity.name", Discovery: governance.DiscoverySchedule{Interval: governance.Duration(time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	entitlement, err := client.Create(ctx, h.root, api.Entitlements, governance.Entitlement{
		Application: governance.ApplicationID(application.Meta.ID), Kind: "role", NativeID: "billing_admin",
		Risk: governance.RiskCritical, Standing: governance.StandingForbidden,
	})
	if err != nil {
		t.Fatal(err)
	}
	right := governance.EntitlementID(entitlement.Meta.ID)
	policy, err := client.Create(ctx, h.root, api.EligibilityPolicies, governance.EligibilityPolicy{
		Name: "oncall", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{right}, Condition: `identity.name == "mia"`,
	})
	if err != nil {
		t.Fatal(err)
	}
	template, err := client.Create(ctx, h.root, api.GrantTemplates, governance.GrantTemplate{
		Name: "incident-admin", Entitlements: []governance.EntitlementID{right}, EligibilityPolicies: []governance.PolicyID{governance.PolicyID(policy.Meta.ID)},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(time.Hour)},
		ActivateWithin: governance.Duration(time.Minute), Justification: governance.JustificationRequired,
		BusinessEvent: &governance.EventRequirement{Kinds: []governance.EventKind{governance.Incident}},
		BreakGlass: &governance.BreakGlass{
			Limit: 1, Per: governance.Duration(time.Hour), Reviewers: governance.Approvers{Identities: []governance.IdentityID{"leo"}}, ReviewWithin: governance.Duration(time.Hour),
		},
		Approval: governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
			Name: "lead", Quorum: 1, Approvers: governance.Approvers{Identities: []governance.IdentityID{"leo"}},
			Timeout: governance.Duration(time.Hour), OnTimeout: governance.Lapse,
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.request = api.RequestInput{Template: governance.TemplateID(template.Meta.ID), BusinessEvent: "INC-1", Justification: "billing is down"}
	return e
}

func (e *estate) openIncident(t *testing.T) api.BusinessEvent {
	t.Helper()
	event, err := e.admin.OpenEvent(t.Context(), governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// granted takes mia's request to a grant that is active.
func (e *estate) granted(t *testing.T) governance.GrantID {
	t.Helper()
	request, err := e.mia.Request(t.Context(), e.request)
	if err != nil || request.State != governance.RequestPending {
		t.Fatalf("request: %+v, %v", request, err)
	}
	approved, err := e.leo.Approve(t.Context(), request.ID, "go")
	if err != nil || approved.State != governance.RequestGranted || len(approved.Grants) != 1 {
		t.Fatalf("approve: %+v, %v", approved, err)
	}
	e.awaitState(t, approved.Grants[0], governance.GrantActive)
	return approved.Grants[0]
}

func (e *estate) awaitState(t *testing.T, id governance.GrantID, state governance.GrantState) api.Grant {
	t.Helper()
	var grant api.Grant
	eventually(t, "grant "+string(state), func() bool {
		var err error
		if grant, err = e.mia.GetGrant(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return grant.State == state
	})
	return grant
}
