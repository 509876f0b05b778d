# Who somebody is, and what they may do at the moment of the decision. Every alias of a person was resolved to one id
# before it came here; somebody whom the directory does not know is nobody.
package mintmark.lib.people

import data.mintmark.lib.evidence

person(name) := lower(trim_space(name))

known := {id: entry |
	some entry in evidence.people
	id := person(object.get(entry, "id", ""))
	id != ""
}

# Unless the directory says that it is none: whoever may be a bot decides nothing.
bot(name) if not human(name)

human(name) if object.get(known, [person(name), "bot"], true) == false

member(name, group) if member_at(name, group, evidence.as_of)

# A membership begins at its first second and ends before its last one.
member_at(name, group, epoch) if {
	some membership in object.get(known, [person(name), "groups"], [])
	object.get(membership, "name", "") == group
	object.get(membership, "from_epoch", epoch + 1) <= epoch
	epoch < object.get(membership, "until_epoch", 0)
}

# What a person had to do with the change: the first of these that holds. Undefined for an independent human.
role(name) := "unknown" if {
	not known[person(name)]
} else := "bot" if {
	bot(name)
} else := "author" if {
	person(name) == person(object.get(evidence.change, "author", ""))
} else := "committer" if {
	person(name) == person(object.get(evidence.change, "committer", ""))
} else := "co_author" if {
	some author in object.get(evidence.change, "co_authors", [])
	person(name) == person(author)
} else := "requester" if {
	person(name) == person(object.get(evidence.change, "requester", ""))
} else := "contributor" if {
	contributors[person(name)]
}

# The positive statement of the same.
independent(name) if {
	human(name)
	not contributors[person(name)]
}

# Everybody who wrote any part of the change, or asked for it.
contributors := (listed("contributors") | listed("co_authors")) | {person(object.get(evidence.change, role, "")) |
	some role in ["author", "committer", "requester"]
}

listed(part) := {person(name) | some name in object.get(evidence.change, part, [])}
