# METADATA
# title: No release during a freeze
# description: >-
#   While a freeze holds for the environment, a release waits until its end. Freezes are fixed dates or weekly hours in
#   their own time zone; one whose time zone has no clock in the input cannot be shown to be over.
# custom:
#   id: freeze.window
#   severity: medium
#   controls: [MM-CHG-04]
#   waivable: false
#   bypassable: true
#   message: >-
#     {% if reason == "no_clock" %}the freeze {{ name }} is in the time zone {{ timezone }}, and what time it is there is not known{% else %}the freeze {{ name }} of {{ environment }} ends {% if until_date %}on {{ until_date }} at 00:00{% else %}on {{ ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"][until_weekday - 1] }} at {{ "%02d:%02d" | format(until_minute // 60, until_minute % 60) }}{% endif %} ({{ timezone }}){% endif %}
#   why: At such times nobody is there to notice that a release went wrong, or too much depends on what runs.
#   accepted: A moment outside every freeze of the environment, by the clock of the freeze's time zone.
#   remedy: Ship after the end of the freeze; in an emergency, ask for a break-glass.
#   fix: >-
#     ship after the end of the freeze; in an emergency: mintmark break-glass request sha256:{{ subject_sha256 }} --env {{ environment | sh }} --for 2h --reason "…"
package mintmark.gates.freeze.window

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters

id := "freeze.window"

gaps contains {"id": id, "facts": object.union(about(freeze), {"reason": "freeze", "pending": true})} if {
	some freeze in freezes
	some clock in clocks(freeze)
	inside(freeze, clock)
}

gaps contains {"id": id, "facts": object.union(about(freeze), {"reason": "no_clock"})} if {
	some freeze in freezes
	count(clocks(freeze)) == 0
}

default satisfied := false

satisfied if {
	evidence.environment != ""
	every freeze in freezes {
		over(freeze)
	}
}

freezes := [freeze |
	some freeze in parameters.freezes
	evidence.environment in object.get(freeze, "environments", [])
]

# Clocks of the freeze's time zone that tell a whole time.
clocks(freeze) := [clock |
	some clock in evidence.clocks
	object.get(clock, "timezone", "") == object.get(freeze, "timezone", "of no freeze")
	object.get(clock, "date", "") != ""
	object.get(clock, "weekday", 0) > 0
	object.get(clock, "minute", -1) >= 0
]

# Positive: a freeze whose window says neither or both of dates and weekdays, or half of one, is never over.
over(freeze) if {
	some clock in clocks(freeze)
	outside(freeze, clock)
}

inside(freeze, clock) if {
	dated(freeze)
	freeze.from_date <= clock.date
	clock.date < freeze.until_date
}

inside(freeze, clock) if {
	weekly(freeze)
	start(freeze) <= moment(clock)
	moment(clock) < end(freeze)
}

# Over the end of the week, or the whole of it.
inside(freeze, clock) if {
	weekly(freeze)
	end(freeze) <= start(freeze)
	start(freeze) <= moment(clock)
}

inside(freeze, clock) if {
	weekly(freeze)
	end(freeze) <= start(freeze)
	moment(clock) < end(freeze)
}

outside(freeze, clock) if {
	dated(freeze)
	clock.date < freeze.from_date
}

outside(freeze, clock) if {
	dated(freeze)
	freeze.until_date <= clock.date
}

outside(freeze, clock) if {
	weekly(freeze)
	start(freeze) < end(freeze)
	moment(clock) < start(freeze)
}

outside(freeze, clock) if {
	weekly(freeze)
	start(freeze) < end(freeze)
	end(freeze) <= moment(clock)
}

outside(freeze, clock) if {
	weekly(freeze)
	end(freeze) <= moment(clock)
	moment(clock) < start(freeze)
}

dated(freeze) if object.get(freeze, "from_weekday", null) == null

weekly(freeze) if object.get(freeze, "from_date", null) == null

# Minutes since Monday 00:00, by the clock on the wall.
start(freeze) := ((freeze.from_weekday - 1) * 1440) + freeze.from_minute

end(freeze) := ((freeze.until_weekday - 1) * 1440) + freeze.until_minute

moment(clock) := ((clock.weekday - 1) * 1440) + clock.minute

about(freeze) := {
	"environment": evidence.environment,
	"name": object.get(freeze, "name", "without name"),
	"timezone": object.get(freeze, "timezone", ""),
	"until_date": object.get(freeze, "until_date", ""),
	"until_weekday": object.get(freeze, "until_weekday", 1),
	"until_minute": object.get(freeze, "until_minute", 0),
}
