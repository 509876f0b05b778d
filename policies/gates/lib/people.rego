# Who somebody is, and what they may do at the moment of the decision. Every alias of a person was resolved to one id
# before it came here; somebody whom the directory does not know is nobody.
package mintmark.lib.people

import data.mintmark.lib.evidence

person(name) := lower(trim_space(name))

known[id] := entry if {
	some entry in evidence.people
	id := person(object.get(entry, "id", ""))
	id != ""
}

# Unless the directory says that it is none: whoever may be a bot decides nothing.
bot(name) if not human(name)

human(name) if object.get(known, [person(name), "bot"], true) == false

# A membership begins at its first second and ends before its last one.
member(name, group) if {
	some membership in object.get(known, [person(name), "groups"], [])
	object.get(membership, "name", "") == group
	object.get(membership, "from_epoch", evidence.as_of + 1) <= evidence.as_of
	evidence.as_of < object.get(membership, "until_epoch", 0)
}

# Once a member, and no longer.
was_member(name, group) if {
	some membership in object.get(known, [person(name), "groups"], [])
	object.get(membership, "name", "") == group
	not member(name, group)
}

# Everybody who wrote any part of the change, or asked for it.
contributors contains person(name) if some name in object.get(evidence.change, "contributors", [])

contributors contains person(name) if some name in object.get(evidence.change, "co_authors", [])

contributors contains person(object.get(evidence.change, role, "")) if some role in ["author", "committer", "requester"]
