# METADATA
# title: The source does not configure its own scan
# description: >-
#   A configuration file of a scanner in the scanned source, or a comment there that silences a finding which would have
#   been refused, is refused: the source under test must not decide what is seen of it.
# custom:
#   id: scan.tool_configuration
#   severity: high
#   controls: [MM-SCN-01]
#   waivable: true
#   bypassable: false
#   message: >-
#     {% if reason in ("suppressed", "suppressed_new") %}{{ tool }} {{ rule }} ({{ severity }}) is silenced by a comment of {{ author }}{% if commit %} in {{ commit }}{% endif %}{% if reason == "suppressed_new" %}, new in this release{% endif %}: {{ title }}{% else %}{{ title }} ({{ tool }} {{ rule }}){% endif %}
#   why: Whoever writes the code could otherwise switch the scanner off in the same change, and the scan would look clean.
#   accepted: >-
#     Source without such files and comments, comments that silence only what is below the threshold, or a waiver, which has an approver and an end.
#   remedy: Remove the file or the comment; where the finding is a false alarm, ask for a waiver, which has an approver and an end.
package mintmark.gates.scan.tool_configuration

import data.mintmark.lib.findings

id := "scan.tool_configuration"

refusals := findings.refusals(id, "configuration")

default satisfied := false

satisfied if findings.proven(id, "configuration")
