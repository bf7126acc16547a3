package postgresql

import _ "embed"

var (
	//go:embed sql/roles.sql
	rolesSQL string
	//go:embed sql/memberships_before_16.sql
	membershipsBefore16SQL string
	//go:embed sql/memberships_since_16.sql
	membershipsSince16SQL string
	//go:embed sql/reach.sql
	reachSQL string
	//go:embed sql/standing.sql
	standingSQL string
	//go:embed sql/holders.sql
	holdersSQL string
	//go:embed sql/sessions.sql
	sessionsSQL string
	//go:embed sql/at_work.sql
	atWorkSQL string
	//go:embed sql/dropped_accounts.sql
	droppedAccountsSQL string
	//go:embed sql/made_account.sql
	madeAccountSQL string
	//go:embed sql/kept_account.sql
	keptAccountSQL string
)

// grantorsMatter is the server version from which one membership may stand
// several times, once for each grantor, and must be revoked from each.
const grantorsMatter = 160000
