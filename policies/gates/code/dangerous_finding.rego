# METADATA
# title: Dangerous code is fixed or waived
# description: >-
#   A code finding (injection, unsafe deserialisation, weak cryptography and the like) at or above the threshold of the
#   environment is refused.
# custom:
#   id: code.dangerous_finding
#   severity: high
#   controls: [MM-COD-01]
#   waivable: true
#   bypassable: true
#   message: "{{ title }} ({{ severity }}, {{ tool }} {{ rule }}{% if cwe %}, {{ cwe | join(\", \") }}{% endif %})"
#   why: >-
#     {{ environment }} refuses code findings of {{ threshold }} severity and above; an unknown severity counts as the worst.
#   accepted: >-
#     Source in which no analyser finds a weakness at or above the threshold, or a waiver for exactly the one that remains.
#   remedy: Change the code so that the weakness is gone; for SQL, pass values as parameters and never as text.
package mintmark.gates.code.dangerous_finding

import data.mintmark.lib.findings

id := "code.dangerous_finding"

refusals := findings.refusals(id, "code")

default satisfied := false

satisfied if findings.proven(id, "code")
