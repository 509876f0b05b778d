# METADATA
# title: No secret is written into the source
# description: >-
#   A password, token or key in the source is refused: whoever reads the repository, or any old copy of it, holds it.
# custom:
#   id: secrets.hardcoded
#   severity: critical
#   controls: [MM-SEC-01]
#   waivable: true
#   bypassable: false
#   message: "{{ title }} ({{ severity }}, {{ tool }} {{ rule }})"
#   why: >-
#     {{ environment }} refuses secrets found with {{ threshold }} severity and above, for history keeps what a later commit removes.
#   accepted: >-
#     Secrets that reach the service through its environment or a secret store, or a waiver for exactly the place that is a false alarm.
#   remedy: Revoke the secret, then read its successor from the environment or a secret store.
package mintmark.gates.secrets.hardcoded

import data.mintmark.lib.findings

id := "secrets.hardcoded"

refusals := findings.refusals(id, "secret")

default satisfied := false

satisfied if findings.proven(id, "secret")
