package condition

// Type is the type of a value in a condition. Types are compared with ==.
type Type uint8

// The types. Int is a whole number of 64 bits; there are no fractions. An Object
// only groups variables; it is not a value.
const (
	invalidType Type = iota
	Bool
	String
	Int
	Duration
	Time
	Object
	nullType

	listOf Type = 1 << 4
	mapOf  Type = 1 << 5
)

// List is the type of lists whose elements are elem.
func List(elem Type) Type { return elem | listOf }

// Map is the type of maps from String to elem.
func Map(elem Type) Type { return elem | mapOf }

func (t Type) isList() bool { return t&listOf != 0 }
func (t Type) isMap() bool  { return t&mapOf != 0 }
func (t Type) elem() Type   { return t &^ (listOf | mapOf) }

// isOrdered says whether < and > mean something.
func (t Type) isOrdered() bool { return t == Int || t == Duration || t == Time }

// isScalar says whether values can be compared with ==.
func (t Type) isScalar() bool { return t >= Bool && t <= Time }

// String is the type's name as authors and docs write it.
func (t Type) String() string {
	switch {
	case t.isList():
		return "list of " + t.elem().String()
	case t.isMap():
		return "map of " + t.elem().String()
	}
	switch t {
	case Bool:
		return "bool"
	case String:
		return "string"
	case Int:
		return "int"
	case Duration:
		return "duration"
	case Time:
		return "time"
	case Object:
		return "object"
	case nullType:
		return "null"
	}
	return "invalid"
}

// one is the type's name behind its article.
func (t Type) one() string {
	if t == Int || t == Object {
		return "an " + t.String()
	}
	return "a " + t.String()
}
