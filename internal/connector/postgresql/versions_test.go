package postgresql_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// From PostgreSQL 16 on memberships have options and grantors, and earlier there is
// nothing of what these are about. `make soak` runs them on each version.
func TestMembershipsWithOptions(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	_, err := s.Connect(t, "postgres").Exec(t.Context(), "GRANT billing_admin TO anna WITH INHERIT FALSE, SET FALSE")
	if since16 := s.Version() >= 160000; (err == nil) != since16 {
		t.Fatalf("on version %d a membership without a way in came to %v", s.Version(), err)
	} else if !since16 {
		return
	}
	for name, test := range map[string]func(*testing.T){
		"that let nobody in are no access":                    noAccess,
		"that let nobody in do not stand in a grant's way":    letsIn,
		"of another grantor are named when they are not ours": namesTheGrantor,
		"in what Stint makes are nobody's":                    nobodys,
	} {
		t.Run(name, test)
	}
}

func ids(found *connector.Inventory, account string) (held []string) {
	for _, a := range found.Assignments {
		if a.Account == account {
			held = append(held, a.Entitlement.Kind+" "+a.Entitlement.NativeID)
		}
	}
	return held
}

// What PostgreSQL 16 gives to whoever creates a role is the option to grant it and
// nothing else.
func noAccess(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	s.exec(t, "CREATE ROLE inner_circle", "GRANT inner_circle TO billing_admin",
		"GRANT billing_admin TO anna WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
		"GRANT billing_admin TO bert WITH INHERIT FALSE, SET FALSE")
	c := s.opened(t, nil)
	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if held := ids(found, "anna"); !slices.Equal(held, []string{"role_admin billing_admin"}) {
		t.Errorf("who only administers holds %q", held)
	}
	if held := ids(found, "bert"); len(held) > 0 {
		t.Errorf("who is let in by nothing holds %q", held)
	}
	for account, admin := range map[string]bool{"anna": true, "bert": false} {
		for e, want := range map[connector.Entitlement]bool{role("billing_admin"): false, role("inner_circle"): false, roleAdmin("billing_admin"): admin} {
			got, err := c.Read(t.Context(), account, e)
			if err != nil || got.Direct != want || got.Effective != want {
				t.Errorf("%s and %v: %+v, %v", account, e, got, err)
			}
		}
	}
}

func letsIn(t *testing.T) {
	for _, rights := range []string{"SUPERUSER", "NOSUPERUSER"} {
		for _, options := range []string{"ADMIN TRUE, INHERIT FALSE, SET FALSE", "INHERIT FALSE, SET FALSE"} {
			t.Run(rights+" "+options, func(t *testing.T) {
				s := newTarget(t, rights)
				s.billing(t, "anna")
				s.exec(t, "GRANT pg_signal_backend TO stint", "GRANT billing_admin TO stint WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
					"GRANT billing_admin TO anna WITH "+options)
				admin := strings.HasPrefix(options, "ADMIN")
				c := s.opened(t, nil)

				mustGrant(t, c, "anna", role("billing_admin"))

				anna := s.session(t, "anna")
				if !reads(anna) {
					t.Fatal("the grant lets nobody in")
				}
				if result := mustRevoke(t, c, "anna", role("billing_admin"), roleAdmin("billing_admin")); !result.Changed || len(result.Ended) != 1 || alive(anna) {
					t.Errorf("the revoke came to %+v, with the session alive %v", result, alive(anna))
				}
				if fresh := s.session(t, "anna"); reads(fresh) {
					t.Error("it still reads")
				}
				if got, err := c.Read(t.Context(), "anna", roleAdmin("billing_admin")); err != nil || got.Direct != admin {
					t.Errorf("the admin option that stood before is %+v, %v", got, err)
				}
			})
		}
	}
}

// Of two grantors one is out of reach: what Stint granted goes, and the error tells
// who takes the rest.
func namesTheGrantor(t *testing.T) {
	s := newTarget(t, "NOSUPERUSER")
	s.billing(t, "anna")
	s.exec(t, "GRANT billing_admin TO stint WITH ADMIN OPTION")
	c := s.opened(t, nil)
	change := connector.Change{Account: "anna", Entitlement: role("billing_admin")}
	mustGrant(t, c, "anna", change.Entitlement)
	s.exec(t, "GRANT billing_admin TO anna")

	revoked, err := c.(connector.Together).RevokeTogether(t.Context(), []connector.Change{change})
	if err != nil || !revoked[0].Alone || revoked[0].Changed {
		t.Errorf("together it came to %+v, %v", revoked, err)
	}
	for _, changed := range []bool{true, false} {
		result, err := c.Revoke(t.Context(), change)
		if !errors.Is(err, connector.ErrPermission) || result.Changed != changed ||
			!strings.Contains(err.Error(), `REVOKE "billing_admin" FROM "anna" GRANTED BY "postgres" CASCADE`) {
			t.Errorf("the revoke came to %+v, %v", result, err)
		}
	}
	s.exec(t, `REVOKE billing_admin FROM anna GRANTED BY "postgres" CASCADE`)
	if s.holds(t, "anna", role("billing_admin")) {
		t.Error("what Stint granted still stands")
	}
}

// createrole_self_grant is for people who create roles to use them.
func nobodys(t *testing.T) {
	s := newTarget(t, "CREATEROLE")
	s.exec(t, "ALTER ROLE stint SET createrole_self_grant = 'set, inherit'")
	c := s.opened(t, nil)
	account := connector.MadeAccount{Name: "dora", Mark: uuid.NewString()}
	if _, err := maker(t, c).MakeAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if held := ids(found, "stint"); !slices.Equal(held, []string{"attribute createrole"}) {
		t.Errorf("stint's own role holds %q", held)
	}
	if result := mustRemove(t, maker(t, c), account); !result.Changed || len(result.Kept) > 0 {
		t.Errorf("its removal came to %+v", result)
	}
}

// The role that the guide shows for this version is enough, and what it shows about
// grantors does what it says.
func TestTheLeastRoleIsEnough(t *testing.T) {
	s := target{pgtest.Start(t, pgtest.WithoutFsync())}
	s.billing(t, "anna", "boss")
	since16 := s.Version() >= 160000
	shown := guide(t, map[bool]string{true: "PostgreSQL 16 and newer", false: "PostgreSQL 14 and 15"}[since16])
	s.exec(t, shown[0], "ALTER ROLE stint PASSWORD '"+password+"'")
	c := s.opened(t, nil)
	for _, e := range []connector.Entitlement{role("billing_admin"), roleAdmin("billing_admin")} {
		mustGrant(t, c, "anna", e)
		anna := s.session(t, "anna", "SET ROLE billing_admin")
		result := mustRevoke(t, c, "anna", e)
		if !result.Changed || len(result.Ended) != 1 || result.Ended[0].StartedAt.IsZero() || alive(anna) || s.holds(t, "anna", e) {
			t.Errorf("%v: the revoke came to %+v, with the session alive %v", e, result, alive(anna))
		}
	}
	if _, err := c.Discover(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := c.Read(t.Context(), "stint", role("billing_admin")); err != nil || got.Effective == since16 {
		t.Errorf("whether stint itself may use what it grants: %+v, %v", got, err)
	}
	if !since16 {
		return
	}
	s.exec(t, shown[1], "GRANT access_granting TO boss")
	s.session(t, "boss", "SET ROLE access_granting", "GRANT billing_admin TO anna")
	if result := mustRevoke(t, c, "anna", role("billing_admin")); !result.Changed || s.holds(t, "anna", role("billing_admin")) {
		t.Errorf("what somebody else granted through the common role came to %+v", result)
	}
}

// guide are the statements that the guide shows for a version, block by block.
func guide(t *testing.T, version string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile("../../../templates/guides/postgresql.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "```sql\n-- "+version+"\n")[1:] {
		statements, _, _ := strings.Cut(block, "```")
		blocks = append(blocks, statements)
	}
	if len(blocks) == 0 {
		t.Fatalf("the guide shows nothing for %s", version)
	}
	return blocks
}

func TestRefusalSaysWhatMendsItOnThisVersion(t *testing.T) {
	s := newTarget(t, "CREATEROLE")
	s.billing(t, "anna")
	c := s.opened(t, nil)
	wants := map[connector.Entitlement][2]string{
		attribute("superuser"):     {"only superusers", "only superusers"},
		attribute("replication"):   {"before PostgreSQL 16 only superusers change REPLICATION", `needs CREATEROLE, REPLICATION and the admin option on the account: GRANT "anna" TO "stint"`},
		roleAdmin("billing_admin"): {"", `GRANT "billing_admin" TO "stint" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`},
	}
	for e, want := range wants {
		message := want[min(1, s.Version()/160000)]
		_, err := c.Grant(t.Context(), connector.Change{Account: "anna", Entitlement: e})
		if message == "" {
			if err != nil {
				t.Errorf("%v: %v", e, err)
			}
			continue
		}
		if !errors.Is(err, connector.ErrPermission) || !strings.Contains(err.Error(), message) {
			t.Errorf("%v: %v, want %q", e, err, message)
		}
	}
}
