"""The page on witnesses is what another team does: its commands run, and the log is cosigned by what they start."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.evidence.witness.builders import Log

from mintmark.evidence.log_policy import LogPolicy, PolicyLog, PolicyWitness, parse_log_policy
from mintmark.evidence.note import CosignatureSigner, NoteSigner, VerifierKey
from mintmark.evidence.witness.client import WitnessClient, require_quorum
from mintmark.evidence.witness.state import WitnessState
from mintmark.pipelines.cli.main import main

PAGE = (Path(__file__).resolve().parents[3] / "docs/witnesses.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    return re.findall(r"^\$ (.+)$", PAGE, flags=re.MULTILINE)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def shell() -> tuple[Log, dict[str, str]]:
    log = Log().grow(5)
    scripts = Path(sys.executable).parent
    return log, os.environ | {"LOG_KEY": log.signer.vkey, "PATH": f"{scripts}:{os.environ['PATH']}"}


def test_the_commands_of_the_page_run_a_witness(shell: tuple[Log, dict[str, str]], tmp_path: Path, port: int) -> None:
    log, environment = shell
    install, new_key, policy, serve, health, others = [one.replace("7380", str(port)) for one in commands()]
    assert install == "pip install 'mintmark[witness]'"
    assert others.startswith("go install filippo.io/torchwood/cmd/litewitness@v")

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    key = VerifierKey.decode(run(new_key).strip())
    run(policy)
    process = subprocess.Popen(shlex.split(serve), cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(3)]
        listed = PolicyWitness(name="W", key=key, url=f"http://127.0.0.1:{port}/")
        trusted = LogPolicy(logs=(PolicyLog(key=log.signer.verifier),), witnesses=(listed,), groups=(), quorum="W")
        wait_until_answered(port)
        require_quorum(WitnessClient(policy=trusted).cosign(log.note(), log.checkpoint(), log.prove()))
        seen = run(health)
        process.send_signal(signal.SIGTERM)
        ended = process.wait(10)
    finally:
        process.kill()
        process.wait(10)

    assert key.name == "witness.example.com/w1"
    assert said[2].split() == ["listens", "on", f"http://127.0.0.1:{port}"]
    assert f'"origin":"{log.signer.name}","size":5' in seen
    assert ended in {0, -signal.SIGTERM}
    assert WitnessState(folder=tmp_path / "witness-state").seen(log.signer.name).size == 5


def wait_until_answered(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("it does not listen")


def test_the_policy_of_the_page_is_one() -> None:
    """Its keys are cut short; whole ones in their place, it is read, and wants two of three."""
    (text,) = re.findall(r"^```\n(log .+?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    signers = [
        NoteSigner.generate("log.example.com/1"),
        *(CosignatureSigner.generate(f"w{at}.example") for at in "123"),
    ]
    keys = iter(signers)
    policy = parse_log_policy(re.sub(r"\S+\u2026", lambda _: next(keys).vkey, text).encode())

    assert policy.satisfied_by([signers[1].verifier, signers[3].verifier])
    assert not policy.satisfied_by([signers[2].verifier])
    assert [witness.url is None for witness in policy.witnesses] == [False] * 3


def failure(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["witness", *words])
    found = re.search(r"reason  (\S+)", capsys.readouterr().err)
    return code, found[1] if found else ""


def test_what_cannot_be_served_is_refused_with_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state, policy, taken = tmp_path / "w", tmp_path / "logs.policy", socket.create_server(("127.0.0.1", 0))
    serve = ["serve", "--state", str(state), "--policy", str(policy), "--listen"]
    busy = [*serve, f"127.0.0.1:{taken.getsockname()[1]}"]
    assert failure(busy, capsys) == (2, "log_policy"), "there is no policy"
    policy.write_text("quorum none\n")
    assert failure(busy, capsys) == (2, "log_policy"), "there is no log in it"
    policy.write_text(f"log {CosignatureSigner.generate('l').vkey}\nquorum none\n")
    assert failure(busy, capsys) == (2, "log_policy"), "the log has a witness's key"
    policy.write_text(f"log {NoteSigner.generate('l').vkey}\nquorum none\n")
    assert failure(busy, capsys) == (4, "state_missing")
    assert failure(["new-key", "--state", str(state), "--name", "two words"], capsys) == (2, "name_invalid")
    assert failure(["new-key", "--state", str(state), "--name", "w.example/1"], capsys) == (0, "")
    assert failure(["new-key", "--state", str(state), "--name", "w.example/1"], capsys) == (4, "state_exists")
    assert failure([*busy, "--name", "w.example/2"], capsys) == (2, "name_mismatch")
    assert failure([*busy, "--name", "w.example/1"], capsys) == (5, "cannot_listen")
    taken.close()


@pytest.mark.parametrize("address", ["7380", "localhost:", "localhost:http", "localhost:99999", "localhost:-1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["witness", "serve", "--state", "x", "--policy", "y", "--listen", address])

    assert refused.value.code == 2
