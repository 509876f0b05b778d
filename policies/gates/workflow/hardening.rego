# METADATA
# title: Workflows cannot be turned against the pipeline
# description: >-
#   A workflow that runs text from outside as commands, uses an action by a name that can be moved, starts with secrets
#   for anybody's change, holds more rights than it needs or restores a cache that others can write, is refused at or
#   above the threshold of the environment.
# custom:
#   id: workflow.hardening
#   severity: critical
#   controls: [MM-PIP-01]
#   waivable: true
#   bypassable: false
#   message: "{{ title }} ({{ severity }}, {{ tool }} {{ rule }})"
#   why: >-
#     {{ environment }} refuses workflow findings of {{ threshold }} severity and above: who controls the workflow controls all that it builds and signs.
#   accepted: >-
#     Workflows with actions pinned by full SHA, least rights a job, no outside text in commands and no trigger that runs others' changes with our secrets; or a waiver for exactly the place that remains.
#   remedy: Change the workflow as the audit asks; pin actions by SHA, pass outside text through the environment, and grant rights a job.
package mintmark.gates.workflow.hardening

import data.mintmark.lib.findings

id := "workflow.hardening"

refusals := findings.refusals(id, "workflow")

default satisfied := false

satisfied if findings.proven(id, "workflow")
