package api

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Sync is the result of one complete discovery.
type Sync struct {
	Application  governance.ApplicationID `json:"application"`
	StartedAt    time.Time                `json:"started_at"`
	FinishedAt   time.Time                `json:"finished_at"`
	Accounts     int                      `json:"accounts"`
	Entitlements int                      `json:"entitlements"`
	Assignments  int                      `json:"assignments"`
	// Appeared and Disappeared count assignments since the discovery before.
	Appeared    int `json:"appeared"`
	Disappeared int `json:"disappeared"`
	Orphans     int `json:"orphans"`
	Findings    int `json:"findings"`
}

// DiscoveredEntitlement is a right that was seen in a target.
type DiscoveredEntitlement struct {
	ID          governance.EntitlementID   `json:"id"`
	Application governance.ApplicationID   `json:"application"`
	Kind        string                     `json:"kind"`
	NativeID    string                     `json:"native_id"`
	UID         string                     `json:"uid" doc:"The target's own identifier, which survives a rename"`
	Attributes  map[string]string          `json:"attributes,omitempty"`
	Includes    []governance.EntitlementID `json:"includes" nullable:"false" doc:"Entitlements that whoever holds this one has as well"`
	Declared    bool                       `json:"declared"`
	Holders     int                        `json:"holders" doc:"Accounts that hold it directly"`
	FirstSeen   time.Time                  `json:"first_seen"`
	LastSeen    time.Time                  `json:"last_seen"`
}

// DiscoveredAccount is a principal that was seen in a target.
type DiscoveredAccount struct {
	ID          governance.AccountID     `json:"id"`
	Application governance.ApplicationID `json:"application"`
	Name        string                   `json:"name"`
	UID         string                   `json:"uid"`
	Disabled    bool                     `json:"disabled"`
	Attributes  map[string]string        `json:"attributes,omitempty"`
	Identity    governance.IdentityID    `json:"identity,omitempty" doc:"Absent for an orphan"`
	FirstSeen   time.Time                `json:"first_seen"`
	LastSeen    time.Time                `json:"last_seen"`
}

// DiscoveredAssignment is an entitlement that an account was seen to hold
// directly.
type DiscoveredAssignment struct {
	Application governance.ApplicationID `json:"application"`
	Account     governance.AccountID     `json:"account"`
	Identity    governance.IdentityID    `json:"identity,omitempty"`
	Entitlement governance.EntitlementID `json:"entitlement"`
	Attributes  map[string]string        `json:"attributes,omitempty"`
	Grant       governance.GrantID       `json:"grant,omitempty" doc:"The live grant that gives it; absent when it stands by itself"`
	FirstSeen   time.Time                `json:"first_seen"`
	LastSeen    time.Time                `json:"last_seen"`
}

// Finding is a difference between what is declared or granted and observed.
type Finding = governance.Finding
