package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/text/unicode/norm"
)

// Var declares one variable of an Env.
type Var struct {
	// Name is the dotted path, for example "identity.name" or "now". Each
	// prefix of it is an object.
	Name string
	// Type is a scalar type, List(String), Map(String), or Object. An Object is
	// declared only to make it optional or extensible; an optional one needs
	// attributes of its own.
	Type Type
	// Optional variables may be null; a condition must guard them.
	Optional bool
	// Values is the closed set of what a String can be; nil when it is open. A
	// comparison with anything else is a finding. It does not bind frames.
	Values []string
	// Known is the value of a String that is fixed when a condition is compiled,
	// as a policy's parameter is. It may then stand where a written text is
	// demanded, as in duration(param.max). Frames must be set to the same value.
	Known *string
	// Declare makes an Object extensible: its attributes are declared by others,
	// and there may be none. It is the mend for one that is not declared, for
	// example "declare it with stint_attribute".
	Declare string
}

// Env is the typed schema of the variables that a condition may use. It does not
// change once built and is safe for concurrent use.
type Env struct {
	root  *variable
	slots []*variable
}

// Slot is the place of one variable in the frames of one Env.
type Slot int

// variable is a node of the schema: a leaf or an object.
type variable struct {
	path     string
	typ      Type
	optional bool
	values   []string
	known    *string
	declare  string // the mend for attributes that are not declared; empty unless extensible
	slot     Slot   // -1 for an object that is always there
	parent   *variable
	names    []string
	children map[string]*variable
}

// NewEnv builds a schema. A name that is not a dotted path of HCL identifiers, is
// declared twice, or is both a value and an object is an error; so is an
// optional object that has and can have no attributes, or a type that variables cannot have.
func NewEnv(vars ...Var) (*Env, error) {
	env := &Env{root: newObject("")}
	for _, v := range vars {
		if err := env.declare(v); err != nil {
			return nil, fmt.Errorf("declare variable %q: %w", v.Name, err)
		}
	}
	for _, v := range env.slots {
		if v.typ == Object && len(v.names) == 0 && v.declare == "" {
			return nil, fmt.Errorf("declare variable %q: an object without attributes", v.path)
		}
	}
	return env, nil
}

// Slot finds the place of a variable by its dotted path; false when the schema
// has no such variable, or when it is an object that is always there.
func (e *Env) Slot(path string) (Slot, bool) {
	at := e.root
	for _, name := range strings.Split(path, ".") {
		next, ok := at.children[name]
		if !ok {
			return 0, false
		}
		at = next
	}
	return at.slot, at.slot >= 0
}

func newObject(path string) *variable {
	return &variable{path: path, typ: Object, slot: -1, children: map[string]*variable{}}
}

func (e *Env) declare(v Var) error {
	if !v.Type.isScalar() && v.Type != List(String) && v.Type != Map(String) && v.Type != Object {
		return fmt.Errorf("a variable cannot be of type %s", v.Type)
	}
	if v.Type == Object && !v.Optional && v.Declare == "" {
		return fmt.Errorf("an object that is always there is declared by its attributes")
	}
	if v.Type != Object && v.Declare != "" {
		return fmt.Errorf("only an object has attributes that others declare")
	}
	if v.Type != String && (v.Values != nil || v.Known != nil) || v.Optional && v.Known != nil {
		return fmt.Errorf("only a string that is always there has known values")
	}
	names := strings.Split(v.Name, ".")
	at := e.root
	for i, name := range names {
		if !hclsyntax.ValidIdentifier(name) || name == "true" || name == "false" || name == "null" {
			return fmt.Errorf("%q is not an identifier", name)
		}
		if at.typ != Object {
			return fmt.Errorf("%s is a %s and has no attributes", at.path, at.typ)
		}
		next, ok := at.children[name]
		if !ok {
			next = newObject(strings.Join(names[:i+1], "."))
			next.parent = at
			at.children[name] = next
			at.names = append(at.names, name)
			slices.Sort(at.names)
		}
		at = next
	}
	if at.slot >= 0 || at.declare != "" || len(at.names) > 0 && v.Type != Object {
		return fmt.Errorf("it is declared already")
	}
	if at.declare = v.Declare; v.Type == Object && !v.Optional {
		return nil
	}
	at.typ, at.optional, at.slot = v.Type, v.Optional, Slot(len(e.slots))
	at.values = slices.Clone(v.Values)
	if v.Known != nil {
		known := norm.NFC.String(*v.Known)
		at.known = &known
	}
	e.slots = append(e.slots, at)
	return nil
}
