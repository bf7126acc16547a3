package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/provider"
)

// configured is the provider as Terraform would have configured it, with an
// endpoint that may not be known yet.
func configured(t *testing.T, endpoint any) (tfprotov6.ProviderServer, *tfprotov6.GetProviderSchemaResponse) {
	t.Helper()
	server, schemas := newServer(t)
	typ := schemas.Provider.ValueType()
	config, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, map[string]tftypes.Value{
		"endpoint":     tftypes.NewValue(tftypes.String, endpoint),
		"token":        tftypes.NewValue(tftypes.String, nil),
		"ca_cert_file": tftypes.NewValue(tftypes.String, nil),
	}))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: &config})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatalf("configure: %s, %v", listed(resp.Diagnostics), err)
	}
	return server, schemas
}

// TestImportByIdentity speaks the protocol itself: Terraform before 1.12 has no
// identities.
func TestImportByIdentity(t *testing.T) {
	stack := acctest.Start(t)
	declare(t, stack.Client(t), api.Identities, governance.Identity{Name: "Alice B", Type: governance.Human, Groups: []string{"sre"}})
	server, schemas := configured(t, nil)
	typ := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String}}
	data, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, map[string]tftypes.Value{"name": str("Alice B")}))
	if err != nil {
		t.Fatal(err)
	}
	imported, err := server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: "stint_identity", Identity: &tfprotov6.ResourceIdentityData{IdentityData: &data},
	})
	if err != nil || len(imported.Diagnostics) > 0 || len(imported.ImportedResources) != 1 {
		t.Fatalf("import: %+v, %v", imported, err)
	}
	one := imported.ImportedResources[0]
	read, err := server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: "stint_identity", CurrentState: one.State, CurrentIdentity: one.Identity, Private: one.Private,
	})
	if err != nil || len(read.Diagnostics) > 0 {
		t.Fatalf("read: %s, %v", listed(read.Diagnostics), err)
	}
	state, err := read.NewState.Unmarshal(schemas.ResourceSchemas["stint_identity"].ValueType())
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]tftypes.Value
	if err := state.As(&members); err != nil {
		t.Fatal(err)
	}
	if !members["id"].Equal(str("Alice%20B")) || !members["name"].Equal(str("Alice B")) {
		t.Errorf("it was imported as %s", state)
	}
	identity, err := read.NewIdentity.IdentityData.Unmarshal(typ)
	if err != nil || !identity.Equal(tftypes.NewValue(typ, map[string]tftypes.Value{"name": str("Alice B")})) {
		t.Errorf("its identity is %s, %v", identity, err)
	}
}

func TestImportOfWhatIsNotThereNamesWhatIsNear(t *testing.T) {
	stack := acctest.Start(t)
	declare(t, stack.Client(t), api.Identities, governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{}})
	server, _ := configured(t, nil)
	resp, err := server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "stint_identity", ID: "alcie"})
	if err != nil || len(resp.Diagnostics) != 1 || !strings.Contains(resp.Diagnostics[0].Detail, `did you mean "alice"?`) {
		t.Errorf("%s, %v", listed(resp.Diagnostics), err)
	}
}

// TestPlanIsMadeWhileTheEndpointIsNotKnown: the server may come about in the
// same apply.
func TestPlanIsMadeWhileTheEndpointIsNotKnown(t *testing.T) {
	acctest.Start(t)
	server, schemas := configured(t, tftypes.UnknownValue)
	s := schemas.ResourceSchemas["stint_identity"]
	config := configuration(t, s, `{"name": "alice", "type": "human"}`)
	nothing, err := tfprotov6.NewDynamicValue(s.ValueType(), tftypes.NewValue(s.ValueType(), nil))
	if err != nil {
		t.Fatal(err)
	}
	planned, err := server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "stint_identity", PriorState: &nothing, ProposedNewState: config, Config: config,
	})
	if err != nil || len(planned.Diagnostics) > 0 {
		t.Fatalf("plan: %s, %v", listed(planned.Diagnostics), err)
	}
	read, err := server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "stint_identity", CurrentState: planned.PlannedState})
	if err != nil || len(read.Diagnostics) != 1 || !strings.Contains(read.Diagnostics[0].Detail, "endpoint is not known") {
		t.Errorf("a read says %s, %v", listed(read.Diagnostics), err)
	}
}

func TestSchemaIsWrittenAsTerraformWouldPrintIt(t *testing.T) {
	var out bytes.Buffer
	if err := provider.WriteSchema(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	type attribute struct {
		Type   any `json:"type"`
		Nested *struct {
			Mode       string         `json:"nesting_mode"`
			Attributes map[string]any `json:"attributes"`
		} `json:"nested_type"`
		Sensitive bool `json:"sensitive"`
		Required  bool `json:"required"`
	}
	type block struct {
		Block struct {
			Attributes map[string]attribute `json:"attributes"`
		} `json:"block"`
	}
	var got struct {
		Format    string `json:"format_version"`
		Providers map[string]struct {
			Provider    block            `json:"provider"`
			Resources   map[string]block `json:"resource_schemas"`
			DataSources map[string]block `json:"data_source_schemas"`
			Identities  map[string]struct {
				Attributes map[string]map[string]any `json:"attributes"`
			} `json:"resource_identity_schemas"`
			Ephemerals map[string]block `json:"ephemeral_resource_schemas"`
			Functions  map[string]struct {
				Returns    any `json:"return_type"`
				Parameters []struct {
					Name string `json:"name"`
					Type any    `json:"type"`
				} `json:"parameters"`
			} `json:"functions"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	one, ok := got.Providers[provider.Address]
	if !ok || got.Format != "1.0" || len(one.Resources) != 10 || len(one.DataSources) != 3 || len(one.Functions) != 2 || len(one.Ephemerals) != 1 {
		t.Fatalf("%+v", got)
	}
	if !one.Provider.Block.Attributes["token"].Sensitive {
		t.Error("the token is not sensitive")
	}
	template := one.Resources["stint_grant_template"].Block.Attributes
	if a := template["approval"]; a.Nested == nil || a.Nested.Mode != "single" || !a.Required {
		t.Errorf("approval is %+v", a)
	}
	if a := template["entitlements"]; !slices.Equal(a.Type.([]any), []any{"set", "string"}) {
		t.Errorf("entitlements is %+v", a)
	}
	if a := one.Resources["stint_eligibility_policy"].Block.Attributes["parameters"]; a.Type != "dynamic" {
		t.Errorf("parameters is %+v", a)
	}
	if a := one.Identities["stint_entitlement"].Attributes; len(a) != 3 || a["native_id"]["required_for_import"] != true {
		t.Errorf("the identity of an entitlement is %+v", a)
	}
	if f := one.Functions["allows"]; f.Returns != "bool" || len(f.Parameters) != 2 || f.Parameters[1].Name != "inputs" || f.Parameters[1].Type != "dynamic" {
		t.Errorf("allows is %+v", f)
	}
}

func str(text string) tftypes.Value { return tftypes.NewValue(tftypes.String, text) }
