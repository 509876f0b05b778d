"""`mintmark env`: what runs in an environment, and how to stop it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.deploy.local import LocalDriver
from mintmark.pipelines.locations import locate


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mintmark env", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (("now", "print what runs, as JSON"), ("stop", "stop the service and its database")):
        verbs.add_parser(verb, help=text).add_argument("name", help="an environment of mintmark.toml")
    options = parser.parse_args(words)
    load_project(Path.cwd()).environment(options.name)
    driver = LocalDriver(environment=options.name, folder=locate(Path.cwd()).environment(options.name))
    running = driver.current()
    if options.verb == "now":
        sys.stdout.write(json.dumps(asdict(running) if running else None, indent=2) + "\n")
    elif running is None:
        sys.stderr.write(f"nothing was deployed to {options.name}\n")
    else:
        driver.stop(running)
        driver.stop_database(running)
        sys.stderr.write(f"stopped deployment {running.deployment_id} and its database\n")
    return 0
