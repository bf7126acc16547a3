package condition

// kind says what an expr is.
type kind uint8

const (
	kindLiteral kind = iota // text, num; typ from the parser
	kindNull
	kindRef     // steps; the checker finds the variable
	kindIndex   // args: map, key
	kindCall    // name, args; the checker binds literal arguments
	kindList    // args
	kindNot     // args: operand
	kindAnd     // args: two or more terms, none of them an and
	kindOr      // args: two or more terms, none of them an or
	kindCompare // name is the operator; args: left, right
	kindCond    // args: condition, then, else
	kindBad     // reported already
)

// expr is a node of the language's own tree: HCL's, without parentheses and
// with nested && and || flattened, so that how a text is laid out is gone.
type expr struct {
	kind  kind
	at    Range
	name  string
	text  string // String literals, in NFC
	num   int64  // Int and Bool literals
	steps []step
	args  []*expr

	typ      Type      // set by the checker; invalidType when a finding was reported
	variable *variable // of a kindRef
	untyped  bool      // of a kindRef: an attribute that may be declared later
	bound    any       // of a kindCall: what its literal argument stands for
}

// step is one name of a dotted path.
type step struct {
	name string
	at   Range
}

// walk visits e and everything below it, in the order of the text.
func (e *expr) walk(visit func(*expr)) {
	visit(e)
	for _, arg := range e.args {
		arg.walk(visit)
	}
}

func (e *expr) isLiteral() bool { return e.kind == kindLiteral }

// isConstant says whether e reads no variable.
func (e *expr) isConstant() bool {
	constant := true
	e.walk(func(part *expr) {
		if part.kind == kindRef {
			constant = false
		}
	})
	return constant
}
