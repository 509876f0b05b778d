"""From a source tree to a release: the wheel, its locked dependencies, and the manifest that names every byte."""
