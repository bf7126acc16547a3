package fwconv

import (
	"fmt"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// ConditionReference tells an author what a condition can be made of, for a
// reference page: the variables, given as "name (type)", and every function.
func ConditionReference(variables []string) string {
	functions := condition.Functions()
	usages := make([]string, len(functions))
	for i, f := range functions {
		usages[i] = "`" + f.Signature + "`"
	}
	return fmt.Sprintf("It sees %s. Operators: `==`, `!=`, `<`, `<=`, `>`, `>=`, `&&`, `||`, `!`, `? :`. Functions: %s. "+
		"What is optional is null when it is absent, and is compared only behind a guard such as `event != null &&`.",
		strings.Join(variables, ", "), strings.Join(usages, ", "))
}

// ConditionVariable is one variable for ConditionReference.
func ConditionVariable(name string, typ condition.Type, optional bool) string {
	kind := typ.String()
	if optional {
		kind = "optional " + kind
	}
	return fmt.Sprintf("`%s` (%s)", name, kind)
}
