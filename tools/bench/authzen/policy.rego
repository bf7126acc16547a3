# What Stint does for the action "use", over data that is prepared as well: what
# is held may be used when it may be held standing, or while a grant stands behind
# it.
package stint

default allow := false

allow if {
	held
	data.entitlements[input.resource.id].standing == "allowed"
}

allow if {
	held
	time.now_ns() < data.grants[input.subject.id][input.resource.id]
}

held if {
	input.action.name == "use"
	input.resource.type == "entitlement"
	identity := data.identities[input.subject.id]
	identity.status == "active"
	input.subject.type in {"identity", identity.type}
	data.assignments[input.subject.id][input.resource.id]
}
