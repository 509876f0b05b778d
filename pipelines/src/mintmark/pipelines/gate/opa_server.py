"""
The policy in an OPA server, for an organisation that runs one.

The server is asked only after what it runs was compared, text by text, with the pack: the same sources in our
packages and no other, and the same parameters. A server has every builtin of OPA, so the compiled policies are walked
for what they call. Whoever controls the server can still lie; what they cannot do is make an honest server run another
policy unnoticed.
"""

from __future__ import annotations

import json
import time
from importlib.metadata import version as installed_version
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate import canonical, reach
from mintmark.pipelines.gate.errors import EngineUnavailable, NoDecision, PolicyReachesOut, PolicyTampered
from mintmark.pipelines.gate.pack import PolicyPack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from opa_client.opa import OpaClient
    from requests import Response

NAME = "opa-server"
OUR_PACKAGES = "mintmark"
DEFAULT_TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 65_536


class OpaServerEngine:
    """
    Evaluates the pack in the OPA server at `url`, such as http://127.0.0.1:8181.

    Nothing that failed is remembered: the next evaluation asks the server anew. `timeout_s` bounds one answer.
    """

    def __init__(self, pack: PolicyPack, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, token: str = "") -> None:
        self._pack = pack
        self._client = _client(url, timeout_s=timeout_s, token=token)
        self._within_reach: set[str] = set()
        self._version = f"opa {pack.opa_version} sources, opa-python-client {installed_version('opa-python-client')}"

    @property
    def name(self) -> str:
        return NAME

    @property
    def version(self) -> str:
        return self._version

    def publish(self) -> None:
        """Upload the pack to a server that has none. Nothing is rewritten on the way, and it is compared afterwards."""
        with _translated():
            for path, text in self._pack.sources.items():
                self._client.update_policy_from_string(text, f"{OUR_PACKAGES}/{path}", rego_compat=False)
            self._client.update_or_create_data(self._pack.parameters, f"{OUR_PACKAGES}/params")
        self.verify()

    def verify(self) -> None:
        """Compare what the server runs with the pack, or raise `PolicyTampered`, `PolicyReachesOut` among them."""
        with _translated():
            found = sorted(self._policies())
            data = self._client.get_data(f"{OUR_PACKAGES}/params").get("result") if found else None
        wanted = sorted(self._pack.sources.values())
        if extra := [text for text in found if text not in wanted]:
            raise PolicyTampered(_first_words(extra[0]), "runs in the OPA server, and is not of the pack")
        if found != wanted:
            raise PolicyTampered("gates", f"the OPA server runs {len(found)} policies of the pack's {len(wanted)}")
        if data != self._pack.parameters:
            raise PolicyTampered("gates/data.json", "the OPA server has other parameters")

    def evaluate(self, document: bytes) -> bytes:
        self.verify()
        package, _, rule = self._pack.entrypoint.rpartition("/")
        with _translated(asked=True):
            answer = self._client.query_rule(json.loads(document), package, rule)
        if not isinstance(answer, dict) or "result" not in answer:
            raise NoDecision(NAME, "the verdict is undefined")
        try:
            return canonical.encode(canonical.ordered(answer["result"]))
        except canonical.NotCanonical as error:
            raise NoDecision(NAME, f"the verdict has no canonical form: {error}") from error

    def close(self) -> None:
        self._client.close_connection()

    def _policies(self) -> Iterator[str]:
        """The texts that speak in our packages, by whatever name the server keeps them."""
        for identity in self._client.get_policies_list():
            policy = self._client.get_policy(identity).get("result", {})
            if _is_ours(policy.get("ast", {})):
                text = policy.get("raw", "")
                self._stays_within_reach(text, policy.get("ast", {}))
                yield text

    def _stays_within_reach(self, text: str, ast: Any) -> None:
        if text not in self._within_reach:
            if reached := reach.outside(ast):
                raise PolicyReachesOut(_first_words(text), ", ".join(reached))
            self._within_reach.add(text)


def _client(url: str, *, timeout_s: float, token: str) -> OpaClient:
    try:
        from opa_client.opa import OpaClient
    except ImportError as error:
        raise EngineUnavailable(NAME, "opa-python-client is not installed: pip install 'mintmark[opa]'") from error

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise UsageError(
            f"{url!r} is not the address of an OPA server",
            reason="opa_url",
            remedy="give scheme, host and port, such as http://127.0.0.1:8181",
        )
    secure = parts.scheme == "https"
    client = OpaClient(
        host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
        port=parts.port or (443 if secure else 8181),
        ssl=secure,
        token=token or None,
        retries=0,
        timeout=timeout_s,
    )
    client._session.hooks["response"].append(_bounded(timeout_s))  # noqa: SLF001 - the client has no other place
    return client


def _bounded(timeout_s: float) -> Callable[..., None]:
    """
    Read every answer within a time and a size.

    requests bounds the wait for one byte, and neither the whole nor its length: a server that sends a byte a second
    would be waited for for ever.
    """
    from requests.exceptions import ConnectionError as Disconnected
    from requests.exceptions import ReadTimeout
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    def read(response: Response, *_: object, **__: object) -> None:
        deadline, content = time.monotonic() + timeout_s, bytearray()
        try:
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise NoDecision(NAME, f"its answer is longer than {MAX_ANSWER_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise ReadTimeout("the answer took too long")
        except ReadTimeoutError as error:
            raise ReadTimeout("the answer stopped half way") from error
        except HTTPError as error:
            raise Disconnected(f"the answer broke off: {error}") from error
        response.raw = BytesIO(content)

    return read


def _translated(*, asked: bool = False) -> AbstractContextManager[None]:
    """
    The client lets exceptions of requests and of its own through: an unreachable server, an error, a bad answer.

    A policy that was `asked` and does not end, or fails, gave no decision; that is not the server's absence.
    """
    from contextlib import contextmanager

    from opa_client import errors
    from requests.exceptions import HTTPError, ReadTimeout

    @contextmanager
    def translate() -> Iterator[None]:
        try:
            yield
        except ReadTimeout as error:
            if asked:
                raise NoDecision(NAME, "it did not finish within its limit of time (timeout)") from error
            raise EngineUnavailable(NAME, "the server does not answer (timeout)") from error
        except HTTPError as error:
            if asked and (problem := _evaluation_error(error.response)):
                raise NoDecision(NAME, problem) from error
            raise EngineUnavailable(NAME, str(error).splitlines()[0][:300]) from error
        except (errors.PolicyNotFoundError, KeyError) as error:
            raise PolicyTampered("gates", "the OPA server does not have the pack's policies or parameters") from error
        except errors.RegoParseError as error:
            raise EngineUnavailable(NAME, f"the server refuses the pack: {str(error)[:300]}") from error
        except (
            ValueError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:  # a body that is not JSON, or of another shape
            raise NoDecision(NAME, f"the server's answer cannot be used: {type(error).__name__}") from error
        except OSError as error:  # requests.RequestException, timeouts among them, is an OSError
            raise EngineUnavailable(NAME, str(error).splitlines()[0][:300] if str(error) else repr(error)) from error

    return translate()


def _evaluation_error(response: Response | None) -> str:
    """What OPA says went wrong in the policy itself, or nothing: it answers 500 for a conflict as for a full disk."""
    try:
        said = response.json() if response is not None else {}
        found = [(str(error["code"]), str(error["message"])) for error in said.get("errors", [])]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
    return next((f"{code}: {text}"[:300] for code, text in found if code.startswith("eval_")), "")


def _is_ours(ast: Any) -> bool:
    """OPA writes a package path as [{"value": "data"}, {"value": "mintmark"}, …]."""
    path = [part.get("value") for part in ast.get("package", {}).get("path", [])]
    return path[:2] == ["data", OUR_PACKAGES] or not path


def _first_words(text: str) -> str:
    package = next((line for line in text.splitlines() if line.startswith("package ")), "a policy without package")
    return package[:100]
