package mintmark.gates.provenance.cache_test

import data.mintmark.gates.provenance.cache as rule
import data.mintmark.lib.testing

test_a_verified_cache_and_none_are_accepted if {
	every cache in ["verified", "none"] {
		rule.satisfied with input as testing.replaced("/provenance/cache", cache)
	}
}

test_an_unverified_cache_is_refused if {
	document := testing.replaced("/provenance/cache", "unverified")
	testing.reasons(rule.refusals) == {"cache_untrusted"} with input as document
	not rule.satisfied with input as document
}

test_a_build_that_does_not_say_is_refused if {
	document := testing.patched([{"op": "remove", "path": "/provenance/cache"}])
	testing.reasons(rule.refusals) == {"cache_untrusted"} with input as document
}

test_without_provenance_nothing_is_proven if {
	document := testing.patched([{"op": "remove", "path": "/provenance"}])
	testing.reasons(rule.gaps) == {"missing"} with input as document
	not rule.satisfied with input as document
}
