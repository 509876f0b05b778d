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


async def shells_by_name(name: str, loop: asyncio.AbstractEventLoop) -> None:
    # ruleid: shell-true
    subprocess.run(["sh", "-c", f"git log {name}"], check=True)
    # ruleid: shell-true
    subprocess.check_output(["/bin/bash", "-c", name])
    # ruleid: shell-true
    subprocess.run(name, shell=1)
    # ruleid: shell-true
    subprocess.getoutput(name)
    # ruleid: shell-true
    await asyncio.subprocess.create_subprocess_shell(name)
    # ruleid: shell-true
    await loop.subprocess_shell(asyncio.Protocol, name)
    # ok: shell-true
    subprocess.run(["sh", "-c", "exec git log"], check=True)
    # ok: shell-true
    subprocess.run(["python", "-c", name], check=True)
