package authzen

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const (
	application = governance.ApplicationID("billing")
	people      = 200
	roles       = 100
	// held is how many roles each person has in the database.
	held = 10
	// oncall is how many people get a grant of the last role, which nobody has
	// otherwise.
	oncall    = 20
	questions = 1_000
)

// person is somebody, with an account of the same name.
type person struct {
	name  string
	roles []int // held standing, rising
	// granted: holds the last role for a while.
	granted bool
}

// estate is who holds what. A role with an even number may be held standing.
type estate []person

// newEstate is the same estate every time.
func newEstate() estate {
	random := rand.New(rand.NewPCG(2026, 3)) //nolint:gosec // it is to be the same every time
	all := make(estate, people)
	for i := range all {
		all[i] = person{name: fmt.Sprintf("person_%03d", i), roles: random.Perm(roles - 1)[:held], granted: i < oncall}
		slices.Sort(all[i].roles)
	}
	return all
}

func roleName(n int) string { return fmt.Sprintf("role_%03d", n) }

func entitlement(n int) governance.EntitlementID {
	return governance.NewEntitlementID(application, "role", roleName(n))
}

func standing(n int) governance.Standing {
	if n%2 == 0 {
		return governance.StandingAllowed
	}
	return governance.StandingForbidden
}

// mayUse is the policy in one sentence: what is held may be used when it may be
// held standing, or for as long as a grant stands behind it.
func (p person) mayUse(role int) bool {
	return p.granted && role == roles-1 || slices.Contains(p.roles, role) && standing(role) == governance.StandingAllowed
}

// question is an evaluation in the words of AuthZEN.
type question struct {
	body []byte
	want bool
}

// questions are about what people hold, and as often about any role.
func (e estate) questions() ([]question, error) {
	random := rand.New(rand.NewPCG(2026, 4)) //nolint:gosec // it is to be the same every time
	all := make([]question, questions)
	for i := range all {
		who := e[random.IntN(people)]
		role := random.IntN(roles)
		if i%2 == 0 {
			role = who.roles[random.IntN(held)]
		}
		if who.granted && i%4 == 0 {
			role = roles - 1
		}
		body, err := json.Marshal(map[string]any{
			"subject":  map[string]string{"type": string(governance.Human), "id": who.name},
			"action":   map[string]string{"name": "use"},
			"resource": map[string]string{"type": "entitlement", "id": string(entitlement(role))},
		})
		if err != nil {
			return nil, fmt.Errorf("write a question: %w", err)
		}
		all[i] = question{body, who.mayUse(role)}
	}
	return all, nil
}

// affirmed counts those that are answered with yes.
func affirmed(asked []question) (n int) {
	for _, q := range asked {
		if q.want {
			n++
		}
	}
	return n
}
