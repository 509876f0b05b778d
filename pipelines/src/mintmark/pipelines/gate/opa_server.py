"""
The policy in an OPA server, for an organisation that runs one.

The server is asked only after what it runs was compared, text by text, with the pack: the same sources in our
packages and no other, and the same parameters. Whoever controls the server can still lie; what they cannot do is make
an honest server run another policy unnoticed.
"""

from __future__ import annotations

import json
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.errors import EngineUnavailable, NoDecision, PolicyTampered
from mintmark.pipelines.gate.pack import PolicyPack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from opa_client.opa import OpaClient

NAME = "opa-server"
OUR_PACKAGES = "mintmark"
DEFAULT_TIMEOUT_S = 30.0


class OpaServerEngine:
    """Evaluates the pack in the OPA server at `url`, such as http://127.0.0.1:8181."""

    def __init__(self, pack: PolicyPack, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, token: str = "") -> None:
        self._pack = pack
        self._client = _client(url, timeout_s=timeout_s, token=token)
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
            self._client.update_or_create_data(_parameters(self._pack), f"{OUR_PACKAGES}/params")
        self.verify()

    def verify(self) -> None:
        """Compare what the server runs with the pack, or raise `PolicyTampered`."""
        with _translated():
            found = sorted(self._policies())
            data = self._client.get_data(f"{OUR_PACKAGES}/params").get("result") if found else None
        wanted = sorted(self._pack.sources.values())
        if extra := [text for text in found if text not in wanted]:
            raise PolicyTampered(_first_words(extra[0]), "runs in the OPA server, and is not of the pack")
        if found != wanted:
            raise PolicyTampered("gates", f"the OPA server runs {len(found)} policies of the pack's {len(wanted)}")
        if data != _parameters(self._pack):
            raise PolicyTampered("gates/data.json", "the OPA server has other parameters")

    def evaluate(self, document: bytes) -> bytes:
        self.verify()
        package, _, rule = self._pack.entrypoint.rpartition("/")
        with _translated():
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
                yield policy.get("raw", "")


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
    return OpaClient(
        host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
        port=parts.port or (443 if secure else 8181),
        ssl=secure,
        token=token or None,
        retries=0,
        timeout=timeout_s,
    )


def _translated() -> AbstractContextManager[None]:
    """The client lets exceptions of requests and of its own through: an unreachable server, an error, a bad answer."""
    from contextlib import contextmanager

    from opa_client import errors

    @contextmanager
    def translate() -> Iterator[None]:
        try:
            yield
        except (errors.PolicyNotFoundError, KeyError) as error:
            raise PolicyTampered("gates", "the OPA server does not have the pack's policies or parameters") from error
        except errors.RegoParseError as error:
            raise EngineUnavailable(NAME, f"the server refuses the pack: {str(error)[:300]}") from error
        except (ValueError, TypeError, AttributeError) as error:  # a body that is not JSON, or of another shape
            raise NoDecision(NAME, f"the server's answer cannot be used: {type(error).__name__}") from error
        except OSError as error:  # requests.RequestException, timeouts among them, is an OSError
            raise EngineUnavailable(NAME, str(error).splitlines()[0][:300] if str(error) else repr(error)) from error

    return translate()


def _parameters(pack: PolicyPack) -> Any:
    return json.loads(pack.data)[OUR_PACKAGES]["params"]


def _is_ours(ast: Any) -> bool:
    """OPA writes a package path as [{"value": "data"}, {"value": "mintmark"}, …]."""
    path = [part.get("value") for part in ast.get("package", {}).get("path", [])]
    return path[:2] == ["data", OUR_PACKAGES] or not path


def _first_words(text: str) -> str:
    package = next((line for line in text.splitlines() if line.startswith("package ")), "a policy without package")
    return package[:100]
