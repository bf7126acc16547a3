package governance

import (
	"fmt"
	"net/url"
	"strings"
)

// Identifiers of declared objects derive from their immutable natural key,
// each part percent-encoded, parts joined by a slash. They are known before
// the object exists.
type (
	AttributeID   string // object/name
	ApplicationID string // application name
	IdentityID    string // identity name
	EntitlementID string // application/kind/native_id
	PolicyID      string // policy name
	RuleID        string // rule name
	TemplateID    string // template name
	AccountID     string // application/account name
	// EventID is the percent-encoded name of a declared business event, and a
	// UUIDv7 for one that was opened from outside.
	EventID string
)

// Identifiers of what comes about at run time: UUIDv7.
type (
	RequestID   string
	GrantID     string
	OperationID string
	FindingID   string
)

// EncodeID joins the parts of a natural key to an identifier.
func EncodeID(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return strings.Join(escaped, "/")
}

// DecodeID takes an identifier apart into its n parts. The error names the
// identifier and its expected form.
func DecodeID(id string, form string) ([]string, error) {
	want := strings.Count(form, "/") + 1
	parts := strings.Split(id, "/")
	if len(parts) != want {
		return nil, fmt.Errorf("identifier %q is not of the form %s", id, form)
	}
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil || plain == "" || url.PathEscape(plain) != part {
			return nil, fmt.Errorf("identifier %q is not of the form %s with each part percent-encoded", id, form)
		}
		parts[i] = plain
	}
	return parts, nil
}

// NewAttributeID is the identifier of a custom attribute.
func NewAttributeID(object AttributeObject, name string) AttributeID {
	return AttributeID(EncodeID(string(object), name))
}

// NewEntitlementID is the identifier of a right inside an application.
func NewEntitlementID(application ApplicationID, kind, nativeID string) EntitlementID {
	return EntitlementID(string(application) + "/" + EncodeID(kind, nativeID))
}

// Split returns the parts of the natural key.
func (id EntitlementID) Split() (application ApplicationID, kind, nativeID string, err error) {
	parts, err := DecodeID(string(id), "application/kind/native_id")
	if err != nil {
		return "", "", "", err
	}
	return ApplicationID(EncodeID(parts[0])), parts[1], parts[2], nil
}

// NewAccountID is the identifier of an account inside an application.
func NewAccountID(application ApplicationID, name string) AccountID {
	return AccountID(string(application) + "/" + EncodeID(name))
}

// Split returns the parts of the natural key.
func (id AccountID) Split() (application ApplicationID, name string, err error) {
	parts, err := DecodeID(string(id), "application/account")
	if err != nil {
		return "", "", err
	}
	return ApplicationID(EncodeID(parts[0])), parts[1], nil
}
