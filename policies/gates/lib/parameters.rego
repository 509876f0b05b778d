# The numbers and names that the rules compare with. They are data (data.json), for a threshold is a decision of the
# organisation and not of the code.
package mintmark.lib.parameters

import data.mintmark.lib.evidence

environments := object.get(data.mintmark.params, "environments", {})

# An environment that nobody listed gets the strictest settings, and trusts no builder.
settings := object.get(environments, evidence.environment, data.mintmark.params.unlisted_environment)

# Both the parameters and the input must say that an environment is not protected.
default protected := true

protected := false if {
	settings.protected == false
	evidence.claims_protected == false
}

clock_skew_s := object.get(data.mintmark.params, "clock_skew_s", 0)

required_tools := object.get(data.mintmark.params, "required_tools", [])

sbom_formats := object.get(data.mintmark.params, "sbom_formats", {})

waivable_rules := object.get(data.mintmark.params, "waivable_rules", [])

bypassable_rules := object.get(data.mintmark.params, "bypassable_rules", [])

freezes := object.get(data.mintmark.params, "freezes", [])

pipeline_files := object.get(data.mintmark.params, "pipeline_files", [])

trusted_origins := object.get(settings, "trusted_origins", [])

imported_tools := object.get(settings, "imported_tools", [])

scan_caches := object.get(settings, "scan_caches", [])

build_caches := object.get(settings, "build_caches", [])

required_tests := object.get(settings, "required_tests", [])

# Scanners that are given files and count the packages in them.
count_packages := object.get(data.mintmark.params, "count_packages", [])

# Scanners that are part of Mintmark: they come with the policy, so that no lock pins them.
own_tools := object.get(data.mintmark.params, "own_tools", [])

# What the toolchain's lock pins, written by the build of the policy. Both lists are empty for a tool that it does not
# know, and the second one for a tool whose rules come with its version.
pinned_versions(tool) := object.get(data.mintmark.params, ["scanners", tool, "versions"], [])

pinned_digests(tool) := object.get(data.mintmark.params, ["scanners", tool, "rules_digests"], [])

# Null where nobody decided: a list that is missing denies nothing by mistake.
denied_licences := object.get(data.mintmark.params, ["licences", "denied"], null)

finding_reasons := object.get(data.mintmark.params, "finding_reasons", {})

# The reason code of a finding by its rule, or the one for all others of its category.
finding_reason(category, rule) := object.get(
	finding_reasons,
	[category, rule],
	object.get(finding_reasons, [category, "*"], "finding"),
)

tools_that_speak_to(category) := object.get(data.mintmark.params, ["speaks_to", category], [])

# A severity that is missing or unknown counts as worse than any other; a threshold that is missing refuses everything.
severity_rank(severity) := object.get(data.mintmark.params, ["severity_rank", severity], 99)

threshold(category) := object.get(settings, ["thresholds", category], "info")

known_threshold(category) := object.get(settings, ["thresholds_known", category], "info")
