import asyncio
import os
import subprocess
from subprocess import run


def commands(name: str) -> None:
    # ruleid: shell-true
    subprocess.run(f"git log {name}", shell=True, check=True)
    # ruleid: shell-true
    run("git log", shell=True)
    # ruleid: shell-true
    os.system("git log " + name)
    # ruleid: shell-true
    asyncio.create_subprocess_shell(name)
    # ok: shell-true
    subprocess.run(["git", "log", name], check=True)
    # ok: shell-true
    run(["git", "log", name], shell=False)
