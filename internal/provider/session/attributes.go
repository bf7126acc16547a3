package session

import (
	"context"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// attributes are the custom attributes that this run may rely on: those that the
// server had when they were first needed, and those that were planned since. An
// attribute that is deleted meanwhile is the server's to miss.
type attributes struct {
	known   map[governance.AttributeID]governance.Attribute
	read    bool
	unknown bool
}

// Attributes are the custom attributes that are declared, or planned to be. They
// are not complete when one was planned of which it is not known yet what it is.
func (s *Session) Attributes(ctx context.Context) (declared governance.Attributes, complete bool, err error) {
	s.attributesMu.Lock()
	defer s.attributesMu.Unlock()
	if !s.attributes.read {
		snapshot, err := s.Snapshot(ctx)
		if err != nil {
			return governance.Attributes{}, false, err
		}
		for _, a := range snapshot.Attributes {
			if _, planned := s.attributes.known[a.Attribute.ID()]; !planned {
				s.attributes.add(a.Attribute)
			}
		}
		s.attributes.read = true
	}
	return governance.NewAttributes(slices.Collect(maps.Values(s.attributes.known))), !s.attributes.unknown, nil
}

func (a *attributes) add(one governance.Attribute) {
	if a.known == nil {
		a.known = map[governance.AttributeID]governance.Attribute{}
	}
	a.known[one.ID()] = one
}

// PlannedAttribute notes an attribute that is to be declared as it is given.
func (s *Session) PlannedAttribute(a governance.Attribute) {
	s.attributesMu.Lock()
	defer s.attributesMu.Unlock()
	s.attributes.add(a)
}

// PlannedUnknownAttribute notes that an attribute is to be declared of which it is
// not known yet what it is.
func (s *Session) PlannedUnknownAttribute() {
	s.attributesMu.Lock()
	defer s.attributesMu.Unlock()
	s.attributes.unknown = true
}
