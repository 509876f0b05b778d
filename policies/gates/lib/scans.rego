# How one scan is read: whether there was anything for it in the tree, and whether its report counts in this environment.
package mintmark.lib.scans

import data.mintmark.lib.parameters

tool(scan) := object.get(scan, "tool", "an unnamed tool")

status(scan) := object.get(scan, "status", "unknown")

# The one way to skip a scan that leaves nothing unlooked at: the tree holds no file of its kind. Only a run of ours
# knows that; a report from elsewhere cannot say it of our tree.
absent(scan) if {
	status(scan) == "skipped"
	object.get(scan, "present", 1) == 0
	object.get(scan, "given", 1) == 0
	ran(scan)
}

# What we ran counts, and of the reports of other runs those of the tools that the environment lists.
counts(scan) if ran(scan)

counts(scan) if imported(scan)

ran(scan) if object.get(scan, "means", "unknown") == "run"

imported(scan) if {
	object.get(scan, "means", "unknown") == "import"
	tool(scan) in parameters.imported_tools
}
