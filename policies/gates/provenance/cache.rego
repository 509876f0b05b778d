# METADATA
# title: The build took nothing unverified from a cache
# description: >-
#   A release whose build restored a cache that the environment does not accept is refused; without provenance the
#   release stays undecided.
# custom:
#   id: provenance.cache
#   severity: high
#   controls: [MM-BLD-03]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "missing" %}there is no provenance to say what the build took from a cache{% else %}the build took from a cache that is {{ cache }}, and {{ environment }} accepts {{ accepted | join(", ") or "none" }}{% endif %}
#   why: A cache that another build may write is a way past the review, the scans and the lock.
#   accepted: A build without a cache, or from one whose every file was compared with the hashes of the lock.
#   remedy: Build again without the cache, or with one that is compared with the hashes of the lock.
package mintmark.gates.provenance.cache

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters

id := "provenance.cache"

gaps contains {"id": id, "facts": {"reason": "missing"}} if {
	not present
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	present
	not accepted
	facts := {
		"reason": "cache_untrusted",
		"cache": cache,
		"accepted": parameters.build_caches,
		"environment": evidence.environment,
	}
}

default satisfied := false

satisfied if {
	present
	accepted
}

present if object.get(evidence.provenance, "present", false) == true

accepted if cache in parameters.build_caches

cache := object.get(evidence.provenance, "cache", "unknown")
