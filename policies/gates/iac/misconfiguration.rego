# METADATA
# title: Infrastructure code is configured safely
# description: >-
#   A misconfiguration in Dockerfiles, Kubernetes manifests or Terraform at or above the threshold of the environment is
#   refused.
# custom:
#   id: iac.misconfiguration
#   severity: high
#   controls: [MM-IAC-01]
#   waivable: true
#   bypassable: true
#   message: "{% if resource %}{{ resource }}: {% endif %}{{ title }} ({{ severity }}, {{ tool }} {{ rule }})"
#   why: >-
#     {{ environment }} refuses misconfigurations of {{ threshold }} severity and above; an unknown severity counts as the worst.
#   accepted: >-
#     Containers without privilege, with the settings that the check asks for, or a waiver for exactly the resource that needs an exception.
#   remedy: Set what the check asks for on the named resource.
package mintmark.gates.iac.misconfiguration

import data.mintmark.lib.findings

id := "iac.misconfiguration"

refusals := findings.refusals(id, "iac")

default satisfied := false

satisfied if findings.proven(id, "iac")
