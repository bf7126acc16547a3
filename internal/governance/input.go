package governance

import "github.com/stint-dev/terraform-provider-stint/internal/policyenv"

// Input is the entitlement as conditions see it.
func (e Entitlement) Input() policyenv.Entitlement {
	return policyenv.Entitlement{
		ID: string(e.ID()), Application: string(e.Application), Kind: e.Kind, NativeID: e.NativeID,
		Owner: string(e.Owner), Risk: string(e.Risk),
	}
}
