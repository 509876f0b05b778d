package mintmark.gates.freeze.window_test

import data.mintmark.gates.freeze.window as rule
import data.mintmark.lib.releases
import data.mintmark.lib.testing

at(clock) := releases.replaced("/clocks/0", object.union(releases.sound.clocks[0], clock))

held(freeze) := [object.union({"name": "test", "environments": ["rehearsal"], "timezone": "Europe/Berlin"}, freeze)]

test_outside_of_every_freeze_it_is_proven if {
	count(rule.gaps) == 0 with input as releases.sound
	rule.satisfied with input as releases.sound
}

test_a_weekly_freeze_holds_from_its_first_minute_to_its_last if {
	freeze := held({"from_weekday": 2, "from_minute": 600, "until_weekday": 3, "until_minute": 60})
	every clock in [{"weekday": 2, "minute": 600}, {"weekday": 2, "minute": 1439}, {"weekday": 3, "minute": 59}] {
		testing.reasons(rule.gaps) == {"freeze"} with input as at(clock) with data.mintmark.params.freezes as freeze
		not rule.satisfied with input as at(clock) with data.mintmark.params.freezes as freeze
	}
	every clock in [{"weekday": 2, "minute": 599}, {"weekday": 3, "minute": 60}, {"weekday": 7, "minute": 700}] {
		count(rule.gaps) == 0 with input as at(clock) with data.mintmark.params.freezes as freeze
		rule.satisfied with input as at(clock) with data.mintmark.params.freezes as freeze
	}
}

test_a_weekly_freeze_that_ends_where_it_begins_is_always if {
	freeze := held({"from_weekday": 2, "from_minute": 600, "until_weekday": 2, "until_minute": 600})
	every clock in [{"weekday": 1, "minute": 0}, {"weekday": 2, "minute": 600}, {"weekday": 7, "minute": 1439}] {
		testing.reasons(rule.gaps) == {"freeze"} with input as at(clock) with data.mintmark.params.freezes as freeze
		not rule.satisfied with input as at(clock) with data.mintmark.params.freezes as freeze
	}
}

test_a_freeze_that_nobody_can_read_is_never_over if {
	every window in [
		{},
		{"from_date": "2026-01-01"},
		{"from_weekday": 2, "from_minute": 600, "until_weekday": 3},
		{
			"from_date": "2026-01-01",
			"until_date": "2026-01-02",
			"from_weekday": 2,
			"from_minute": 600,
			"until_weekday": 3,
			"until_minute": 60,
		},
	] {
		not rule.satisfied with input as at({"weekday": 6}) with data.mintmark.params.freezes as held(window)
	}
	not rule.satisfied with input as releases.sound
		with data.mintmark.params.freezes as [{"environments": ["rehearsal"], "from_date": "1", "until_date": "2"}]
}

test_a_clock_that_lacks_anything_is_none if {
	every path in ["/clocks", "/clocks/0/timezone", "/clocks/0/date", "/clocks/0/weekday", "/clocks/0/minute"] {
		testing.reasons(rule.gaps) == {"no_clock"} with input as releases.removed(path)
		every gap in rule.gaps {
			not gap.facts.pending
		} with input as releases.removed(path)
		not rule.satisfied with input as releases.removed(path)
	}
}

test_a_freeze_is_waited_for if {
	every gap in rule.gaps {
		gap.facts.pending
	} with input as at({"weekday": 6})
}

test_where_nothing_is_frozen_no_clock_is_asked if {
	rule.satisfied with input as testing.replaced("/clocks", [])
}

test_nowhere_is_frozen if {
	not rule.satisfied with input as releases.removed("/environment/name")
}
