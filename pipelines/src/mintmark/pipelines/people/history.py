"""Asks git who made which commit and what changed between two; no file of the repository has a say in it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mintmark.pipelines.errors import IncompleteError, UsageError

MAX_COMMITS = 20_000
MAX_FILES = 20_000
MAX_COMMIT_BYTES = 1024 * 1024
MAX_ALL_BYTES = 256 * 1024 * 1024
MAX_TRAILER_CHARACTERS = 1_000
TIMEOUT_S = 120.0

_SIGNED = re.compile(rb"[^<>\n]*<([^<>\n]*)> ([0-9]{1,15}) [+-][0-9]{4}")
_TRAILER = re.compile(r"^\s*(co-authored-by|co-developed-by|signed-off-by)\s*:(.*)$", re.IGNORECASE)
_ADDRESS = re.compile(r"<([^<>]*)>\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCommit:
    """
    The e-mail addresses that a commit names, as it names them: none of them was verified by git.

    `authors` and `committers` have one each in a sound commit. What cannot be read is an empty text, which is nobody.
    """

    id: str
    authors: tuple[str, ...]
    committers: tuple[str, ...]
    co_authors: tuple[str, ...]
    signed_off: tuple[str, ...]
    committed_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """
    A whole clone. Objects are read as they are stored: `.mailmap`, replacements, grafts and the commit graph could each
    name another author or leave a commit out.
    """

    checkout: Path

    @classmethod
    def open(cls, checkout: Path) -> History:
        """Raises `IncompleteError` (`shallow`) for a clone whose history was cut off, `UsageError` (`no_commit`)."""
        history = cls(checkout=checkout)
        if history._git("rev-parse", "--is-shallow-repository").strip() != b"false":
            raise IncompleteError(
                f"{checkout}: a shallow clone does not say who wrote what came before",
                reason="shallow",
                remedy="git fetch --unshallow, or check out with fetch-depth: 0",
            )
        return history

    def commit_id(self, name: str) -> str:
        """The full name of a commit. Raises `UsageError` (`no_commit`)."""
        return self._git("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}").decode().strip()

    def between(self, base: str, commit: str) -> list[MadeCommit]:
        """Every commit that is reachable from `commit` and not from `base` (all where that is empty), and itself."""
        excluded = [f"^{base}"] if base else []
        listing = self._git("rev-list", f"--max-count={MAX_COMMITS + 1}", "--end-of-options", commit, *excluded)
        ids = sorted({commit, *listing.decode().split()})
        if len(ids) > MAX_COMMITS:
            raise _too_large(f"more than {MAX_COMMITS} commits")
        return self._read(ids)

    def files(self, base: str, commit: str) -> list[str]:
        """Paths that differ between two commits, of a rename both; without a base all that there are. Sorted."""
        if base:
            listing = self._git(
                *("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none"),
                *("--no-ext-diff", "--no-relative", "--end-of-options", base, commit),
            )
        else:
            listing = self._git("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
        paths = sorted({path.decode("utf-8", errors="replace") for path in listing.split(b"\0") if path})
        if len(paths) > MAX_FILES:
            raise _too_large(f"{len(paths)} files")
        return paths

    def has_ancestor(self, commit: str, earlier: str) -> bool:
        """Whether `earlier` is `commit` or is reachable from it."""
        return not self._git("rev-list", "--max-count=1", "--end-of-options", earlier, f"^{commit}").strip()

    def files_in(self, commit: str, folder: str) -> dict[str, bytes]:
        """What lies directly in a folder of a commit, by path. Raises `UsageError` (`no_regular_file`)."""
        listing = self._git("ls-tree", "-z", "--name-only", commit, "--", f"{folder}/")
        paths = [path.decode("utf-8", errors="replace") for path in listing.split(b"\0") if path]
        if len(paths) > MAX_FILES:
            raise _too_large(f"{len(paths)} files in {folder}")
        found = {path: self.file(commit, path) for path in paths if path.endswith(".toml")}
        return {path: content for path, content in found.items() if content is not None}

    def file(self, commit: str, path: str) -> bytes | None:
        """A regular file of a commit, by its path below `checkout`; nothing where there is none."""
        listing = self._git("ls-tree", "-z", commit, "--", path)
        if not listing:
            return None
        about = listing.partition(b"\t")[0].decode("ascii").split()
        if about[0] not in {"100644", "100755"}:
            raise UsageError(
                f"{path} of commit {commit[:12]} is no regular file",
                reason="no_regular_file",
                remedy="replace the link or folder by the file itself",
            )
        return self._git("cat-file", "blob", about[2])

    def _read(self, ids: Sequence[str]) -> list[MadeCommit]:
        questions = "".join(f"{identity}\n" for identity in ids).encode()
        sizes = [line.split() for line in self._git("cat-file", "--batch-check", given=questions).splitlines()]
        if len(sizes) != len(ids) or any(len(size) != 3 or size[1] != b"commit" for size in sizes):
            raise _no_commit(self.checkout, "a commit of the range is missing")
        if (
            any(int(size[2]) > MAX_COMMIT_BYTES for size in sizes)
            or sum(int(size[2]) for size in sizes) > MAX_ALL_BYTES
        ):
            raise _too_large(f"a commit of more than {MAX_COMMIT_BYTES} bytes, or more than {MAX_ALL_BYTES} in all")
        content, found, at = self._git("cat-file", "--batch", given=questions), [], 0
        for identity, size in zip(ids, sizes, strict=True):
            begin = content.index(b"\n", at) + 1
            at = begin + int(size[2]) + 1
            found.append(parse_commit(identity, content[begin : at - 1]))
        return found

    def _git(self, *arguments: str, given: bytes = b"") -> bytes:
        command = ["git", "--no-replace-objects", "--literal-pathspecs", "-c", "core.commitGraph=false"]
        try:
            done = subprocess.run(
                [*command, "-C", str(self.checkout), *arguments],
                input=given,
                capture_output=True,
                check=False,
                timeout=TIMEOUT_S,
                env=_environment(),
            )
        except subprocess.TimeoutExpired as cause:
            raise _no_commit(self.checkout, f"git {arguments[0]} took longer than {TIMEOUT_S} s") from cause
        if done.returncode != 0:
            raise _no_commit(self.checkout, done.stderr.decode(errors="replace").strip())
        return done.stdout


def parse_commit(identity: str, content: bytes) -> MadeCommit:
    """
    Read a commit object. Headers end at the first empty line, so nothing in a message can pass for one.

    Trailers are found anywhere in the message, not only in its last paragraph: whoever moves one up is named all the
    same. A message that only quotes somebody's trailer names one too many, which is the safe side.
    """
    head, _, message = content.partition(b"\n\n")
    lines = head.split(b"\n")
    authors, committers = _people(lines, b"author "), _people(lines, b"committer ")
    trailers = [_trailer(line) for line in message.decode("utf-8", errors="replace").splitlines()]
    return MadeCommit(
        id=identity,
        authors=tuple(address for address, _ in authors) or ("",),
        committers=tuple(address for address, _ in committers) or ("",),
        co_authors=tuple(address for name, address in filter(None, trailers) if name != "signed-off-by"),
        signed_off=tuple(address for name, address in filter(None, trailers) if name == "signed-off-by"),
        committed_epoch=max((time for _, time in committers), default=0),
    )


def _people(lines: Sequence[bytes], header: bytes) -> list[tuple[str, int]]:
    """Address and time of each header line; more than one makes more than one person answerable."""
    found = []
    for line in lines:
        if line.startswith(header):
            match = _SIGNED.fullmatch(line.removeprefix(header))
            found.append((match[1].decode("utf-8", errors="replace"), int(match[2])) if match else ("", 0))
    return found


def _trailer(line: str) -> tuple[str, str] | None:
    match = _TRAILER.match(line[:MAX_TRAILER_CHARACTERS])
    if match is None:
        return None
    address = _ADDRESS.search(match[2])
    named = address[1] if address else match[2].strip()
    return match[1].lower(), named if len(line) < MAX_TRAILER_CHARACTERS else ""


def _environment() -> dict[str, str]:
    """Without variables that point git at other objects, and without fetching what a partial clone lacks."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return own | {"GIT_GRAFT_FILE": os.devnull, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _too_large(what: str) -> UsageError:
    return UsageError(
        f"the change has {what}: too much to say who had a hand in it",
        reason="change_too_large",
        remedy="release more often, or name a later commit that was reviewed as the base",
    )


def _no_commit(checkout: Path, detail: str) -> UsageError:
    return UsageError(
        f"{checkout}: git cannot tell what changed: {detail}",
        reason="no_commit",
        remedy="fetch the commit that was released before, and the one to be released, with all between them",
    )
