package condition

import (
	"fmt"
	"slices"
	"strings"
)

// possibleValues is the closed set of texts that e can be; nil when it is open.
func possibleValues(e *expr) []string {
	switch {
	case e.kind == kindRef && e.variable != nil:
		return e.variable.values
	case e.kind == kindCall && e.name == "weekday":
		return weekdays[:]
	}
	return nil
}

// comparedValues reports a written text that the other side of a comparison can
// never be: "humna" is not false by accident.
func (c *checker) comparedValues(subject, written *expr) {
	values := possibleValues(subject)
	if values == nil || !written.isLiteral() || written.typ != String || slices.Contains(values, written.text) {
		return
	}
	mend := fmt.Sprintf("its values are %s", strings.Join(values, ", "))
	if near := Closest(written.text, values); near != "" {
		mend = fmt.Sprintf("did you mean %q?", near)
	}
	c.report(CodeUnknownValue, written, mend, "%s is never %s", canonical(subject), canonical(written))
}

// listedValues does the same for contains(["human", "humna"], identity.type).
func (c *checker) listedValues(call *expr) {
	if call.name != "contains" || call.args[0].kind != kindList {
		return
	}
	for _, item := range call.args[0].args {
		c.comparedValues(call.args[1], item)
	}
}
