package postgresql_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

func TestDiscoveryDescribesRolesAndMemberships(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "locked")
	s.exec(t, "ALTER ROLE anna CREATEDB NOINHERIT VALID UNTIL '2030-01-02 03:04:05+00' CONNECTION LIMIT 3",
		"COMMENT ON ROLE anna IS 'on call'", "ALTER ROLE locked CONNECTION LIMIT 0",
		"GRANT billing_admin TO anna WITH ADMIN OPTION", "CREATE ROLE helpers CREATEROLE", "GRANT helpers TO billing_admin")

	found, err := s.opened(t, nil).Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	anna := found.Accounts[slices.IndexFunc(found.Accounts, func(a connector.Account) bool { return a.Name == "anna" })]
	about := map[string]string{"comment": "on call", "connection_limit": "3", "password_valid_until": "2030-01-02T03:04:05Z"}
	if diff := cmp.Diff(about, anna.Attributes); diff != "" || anna.Disabled {
		t.Errorf("account anna, disabled %v:\n%s", anna.Disabled, diff)
	}
	if !slices.ContainsFunc(found.Accounts, func(a connector.Account) bool { return a.Name == "locked" && a.Disabled }) {
		t.Error("an account that may open no connection is not reported as disabled")
	}

	options := map[string]string{"grantor": "postgres", "inherit": "false", "set": "true"}
	want := []connector.Assignment{
		{Account: "anna", Entitlement: attribute("createdb")},
		{Account: "anna", Entitlement: role("billing_admin"), Attributes: options},
		{Account: "anna", Entitlement: roleAdmin("billing_admin"), Attributes: options},
	}
	got := slices.DeleteFunc(slices.Clone(found.Assignments), func(a connector.Assignment) bool { return a.Account != "anna" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("assignments of anna:\n%s", diff)
	}
	for _, inclusion := range []connector.Inclusion{
		{From: role("anna"), To: role("billing_admin")},
		{From: role("anna"), To: roleAdmin("billing_admin")},
		{From: role("billing_admin"), To: role("helpers")},
		{From: role("helpers"), To: attribute("createrole")},
		{From: roleAdmin("helpers"), To: role("helpers"), Implied: true},
	} {
		if !slices.ContainsFunc(found.Inclusions, func(i connector.Inclusion) bool {
			return i.From == inclusion.From && i.To == inclusion.To && i.Implied == inclusion.Implied
		}) {
			t.Errorf("inclusion %v is missing", inclusion)
		}
	}
	if slices.ContainsFunc(found.Entitlements, func(e connector.DiscoveredEntitlement) bool { return e.NativeID == "pg_database_owner" }) {
		t.Error("pg_database_owner cannot be granted and is reported as an entitlement")
	}
	if !slices.ContainsFunc(found.Entitlements, func(e connector.DiscoveredEntitlement) bool {
		return e.Entitlement == role("pg_read_all_data") && e.Attributes["predefined"] == "true"
	}) {
		t.Error("the predefined role pg_read_all_data is missing")
	}
}

func TestAttributeIsGrantedReadAndRevoked(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	s.exec(t, "CREATE ROLE helpers CREATEDB", "GRANT helpers TO anna")
	c := s.opened(t, nil)
	for _, name := range []string{"bypassrls", "createdb", "createrole", "replication", "superuser"} {
		change := connector.Change{Account: "anna", Entitlement: attribute(name)}
		for _, changed := range []bool{true, false} {
			if result, err := c.Grant(t.Context(), change); err != nil || result.Changed != changed {
				t.Fatalf("grant %s: %+v, %v, want Changed %v", name, result, err, changed)
			}
		}
		if reading, err := c.Read(t.Context(), "anna", attribute(name)); err != nil || !reading.Direct {
			t.Errorf("after granting %s: %+v, %v", name, reading, err)
		}
		for _, changed := range []bool{true, false} {
			if result := mustRevoke(t, c, "anna", attribute(name)); result.Changed != changed {
				t.Errorf("revoke %s: %+v, want Changed %v", name, result, changed)
			}
		}
	}
	want := connector.Reading{Effective: true, Via: []connector.Entitlement{role("helpers")}}
	if got, err := c.Read(t.Context(), "anna", attribute("createdb")); err != nil || !cmp.Equal(got, want) {
		t.Errorf("createdb through a role: %+v, %v, want %+v", got, err, want)
	}
}

func TestWhatTheTargetCanNeverDoIsUnsupported(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	s.exec(t, "GRANT anna TO bert")
	c := s.opened(t, nil)
	if _, err := c.Grant(t.Context(), connector.Change{Account: "anna", Entitlement: role("bert")}); !errors.Is(err, connector.ErrUnsupported) {
		t.Errorf("a circle of memberships gave %v, want ErrUnsupported", err)
	}
	if _, err := c.Grant(t.Context(), connector.Change{Account: "anna", Entitlement: role("pg_database_owner")}); !errors.Is(err, connector.ErrEntitlementNotFound) {
		t.Errorf("pg_database_owner gave %v, want ErrEntitlementNotFound", err)
	}
}

// Since PostgreSQL 16 an onward grant depends on its grantor's own option and
// would hold a plain REVOKE back.
func TestRevokeSucceedsThoughTheAccountGrantedOnward(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", roleAdmin("billing_admin"))
	s.session(t, "anna", "GRANT billing_admin TO bert")
	bert := s.session(t, "bert", "SET ROLE billing_admin")

	mustRevoke(t, c, "anna", roleAdmin("billing_admin"))

	if s.holds(t, "anna", role("billing_admin")) {
		t.Error("the account still holds the role")
	}
	onward := s.Version() < 160000
	if s.holds(t, "bert", role("billing_admin")) != onward || alive(bert) != onward {
		t.Errorf("the onward grant stands: %v, its session is alive: %v, want %v on version %d",
			s.holds(t, "bert", role("billing_admin")), alive(bert), onward, s.Version())
	}
}

func TestRevokeReachesEveryGrantor(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	s.exec(t, "GRANT billing_admin TO bert WITH ADMIN OPTION", "GRANT billing_admin TO anna")
	s.session(t, "bert", "GRANT billing_admin TO anna")
	c := s.opened(t, nil)
	if result := mustRevoke(t, c, "anna", role("billing_admin")); !result.Changed || s.holds(t, "anna", role("billing_admin")) {
		t.Errorf("after %+v the account still holds the role: %v", result, s.holds(t, "anna", role("billing_admin")))
	}
}

func TestEnginesThatShareATargetDoNotTripOverEachOther(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	engines := []connector.Connector{s.opened(t, nil), s.opened(t, nil), s.opened(t, nil)}
	change := connector.Change{Account: "anna", Entitlement: role("billing_admin")}
	for range 20 {
		var all sync.WaitGroup
		for _, c := range engines {
			all.Go(func() {
				if _, err := c.Grant(t.Context(), change); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, c := range engines {
			all.Go(func() {
				if _, err := c.Revoke(t.Context(), change); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if s.holds(t, "anna", role("billing_admin")) {
			t.Fatal("the right stands after every engine revoked it")
		}
	}
}

func BenchmarkGrantAndRevoke(b *testing.B) {
	s := withRole(b, pgtest.Start(b), "SUPERUSER")
	s.billing(b, "anna")
	c := s.opened(b, nil)
	change := connector.Change{Account: "anna", Entitlement: role("billing_admin")}
	var granting, revoking time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := c.Grant(b.Context(), change); err != nil {
			b.Fatal(err)
		}
		granted := time.Now()
		if _, err := c.Revoke(b.Context(), change); err != nil {
			b.Fatal(err)
		}
		granting += granted.Sub(began)
		revoking += time.Since(granted)
	}
	b.ReportMetric(float64(granting.Microseconds())/float64(b.N), "µs/grant")
	b.ReportMetric(float64(revoking.Microseconds())/float64(b.N), "µs/revoke")
}
