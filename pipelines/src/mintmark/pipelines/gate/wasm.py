"""
The policy in process: the WebAssembly that OPA compiled, run by wasmtime.

The module gets memory and nothing else: no clock, network, file or randomness, and no builtin of the host. Each
evaluation has an instance of its own, so that nothing of one input reaches the next.
Source: the OPA WebAssembly ABI 1.x, https://www.openpolicyagent.org/docs/wasm
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, cast

import orjson

from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.errors import EngineUnavailable, NoDecision, PolicyReachesOut
from mintmark.pipelines.gate.pack import PolicyPack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wasmtime import Engine, Func, Memory, Module, Store

    HostCall = tuple[str, int, int, Callable[..., object]]

NAME = "wasm"
PAGE_BYTES = 65_536
FIRST_PAGES = 32
JSON_FORMAT = 0

# Instructions, not seconds: the same input ends at the same place on every machine. Ten thousand findings take four
# hundredths of it, and 90 MiB.
DEFAULT_FUEL = 100_000_000_000
DEFAULT_MEMORY_BYTES = 1024 * 1024 * 1024
MAX_VERDICT_BYTES = 64 * 1024 * 1024


# How a module that was not made by `opa build` fails: an export that is missing or no function, an address outside of
# its memory, a text that is no JSON.
FAULTS_OF_A_MODULE = (KeyError, TypeError, ValueError, IndexError)


class WasmEngine:
    """
    Evaluates a pack's compiled policy. Anything that the module cannot finish within its limits is `NoDecision`.

    Making one raises `EngineUnavailable` for what is no policy module, and `PolicyReachesOut` for one that needs a
    builtin of its host.
    """

    def __init__(self, pack: PolicyPack, *, fuel: int = DEFAULT_FUEL, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        import wasmtime

        config = wasmtime.Config()
        config.consume_fuel = True
        self._data, self._fuel, self._memory_bytes = pack.data, fuel, memory_bytes
        self._version = f"opa {pack.opa_version}, wasmtime {installed_version('wasmtime')}"
        self._wasm_engine = wasmtime.Engine(config)
        try:
            self._module = wasmtime.Module(self._wasm_engine, pack.wasm)
            with self._instance() as instance:
                entrypoints, builtins = instance.names()
        except (wasmtime.Trap, wasmtime.WasmtimeError, NoDecision, *FAULTS_OF_A_MODULE) as error:
            raise EngineUnavailable(NAME, f"the policy module does not load: {error}") from error
        if builtins:
            raise PolicyReachesOut("bundle/policy.wasm", ", ".join(sorted(builtins)))
        entrypoint = entrypoints.get(pack.entrypoint)
        if not isinstance(entrypoint, int):
            raise EngineUnavailable(NAME, f"the policy module has no entry point {pack.entrypoint}")
        self._entrypoint = entrypoint

    @property
    def name(self) -> str:
        return NAME

    @property
    def version(self) -> str:
        return self._version

    def evaluate(self, document: bytes) -> bytes:
        import wasmtime

        try:
            with self._instance() as instance:
                answer = instance.evaluate(self._entrypoint, self._data, document)
        except (wasmtime.Trap, wasmtime.WasmtimeError, *FAULTS_OF_A_MODULE) as error:
            # a trap: fuel, memory, stack, or an abort of the policy
            raise NoDecision(NAME, _first_line(error)) from error
        return _only_result(answer)

    @contextmanager
    def _instance(self) -> Iterator[_Instance]:
        instance = _Instance(self._wasm_engine, self._module, fuel=self._fuel, memory_bytes=self._memory_bytes)
        try:
            yield instance
        finally:
            instance.close()


class _Instance:
    """One module with fresh memory, and the calls of the ABI that we use."""

    def __init__(self, engine: Engine, module: Module, *, fuel: int, memory_bytes: int) -> None:
        import wasmtime

        self._store: Store = wasmtime.Store(engine)
        self._fuel = fuel
        self._store.set_fuel(DEFAULT_FUEL)  # what the module needs to begin is not the question's cost
        self._store.set_limits(memory_size=memory_bytes, instances=1, memories=1, tables=1)
        limits = wasmtime.Limits(FIRST_PAGES, memory_bytes // PAGE_BYTES)
        self._memory: Memory = wasmtime.Memory(self._store, wasmtime.MemoryType(limits))
        linker = wasmtime.Linker(engine)
        linker.define(self._store, "env", "memory", self._memory)
        for name, parameters, returns, call in self._host_calls():
            kinds = [wasmtime.ValType.i32()] * parameters
            results = [wasmtime.ValType.i32()] * returns
            linker.define(self._store, "env", name, wasmtime.Func(self._store, wasmtime.FuncType(kinds, results), call))
        self._exports = linker.instantiate(self._store, module).exports(self._store)

    def _host_calls(self) -> list[HostCall]:
        import wasmtime

        def abort(address: int) -> None:
            raise wasmtime.WasmtimeError(f"the policy aborted: {self._text(address)[:200].decode(errors='replace')}")

        def println(_address: int) -> None:
            return None

        def builtin(*_arguments: int) -> int:
            raise wasmtime.WasmtimeError("the policy called a builtin of the host, and there is none")

        builtins: list[HostCall] = [(f"opa_builtin{n}", n + 2, 1, builtin) for n in range(5)]
        return [("opa_abort", 1, 0, abort), ("opa_println", 1, 0, println), *builtins]

    def close(self) -> None:
        """Give the memory back now: the host's functions hold the instance and it holds them, out of Python's sight."""
        self._store.close()

    def names(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The entry points and the host builtins that the module declares."""
        return self._declared("entrypoints"), self._declared("builtins")

    def _declared(self, export: str) -> dict[str, Any]:
        declared = orjson.loads(self._text(self._call("opa_json_dump", self._call(export))))
        if not isinstance(declared, dict):
            raise ValueError(f"{export} is no object")  # noqa: TRY004 - of what the module says, not of a caller
        return declared

    def evaluate(self, entrypoint: int, data: bytes, document: bytes) -> bytes:
        self._store.set_fuel(self._fuel)
        data_value = self._call("opa_json_parse", self._write(data), len(data))
        address = self._write(document)
        heap = self._call("opa_heap_ptr_get")
        return self._text(self._call("opa_eval", 0, entrypoint, data_value, address, len(document), heap, JSON_FORMAT))

    def _call(self, export: str, *arguments: int) -> int:
        return cast("int", cast("Func", self._exports[export])(self._store, *arguments))

    def _write(self, content: bytes) -> int:
        address = self._call("opa_malloc", len(content))
        self._memory.write(self._store, content, address)
        return address

    def _text(self, address: int) -> bytes:
        """Read up to the terminating NUL."""
        found = bytearray()
        address &= 0xFFFFFFFF  # an i32 is read as signed, and an address is not
        end = self._memory.data_len(self._store)
        while address < end and len(found) <= MAX_VERDICT_BYTES:
            chunk = bytes(self._memory.read(self._store, address, min(address + PAGE_BYTES, end)))
            text, terminator, _ = chunk.partition(b"\0")
            found += text
            if terminator:
                return bytes(found)
            address += len(chunk)
        raise NoDecision(NAME, "the policy's answer does not end")


def _only_result(answer: bytes) -> bytes:
    """An undefined verdict is an empty result set; two results are as bad as none."""
    try:
        results = orjson.loads(answer)  # which refuses nesting that would exhaust the stack
    except ValueError as error:
        raise NoDecision(NAME, "the policy's answer is not JSON") from error
    match results:
        case [{"result": result}]:
            return _canonical(result)
        case []:
            raise NoDecision(NAME, "the verdict is undefined")
        case _:
            raise NoDecision(NAME, "the policy gave something other than one result")


def _canonical(result: object) -> bytes:
    try:
        return canonical.encode(canonical.ordered(result))
    except canonical.NotCanonical as error:
        raise NoDecision(NAME, f"the verdict has no canonical form: {error}") from error


def _first_line(error: Exception) -> str:
    text = str(error)
    for known, meaning in (
        ("all fuel consumed", "it did not finish within its limit of instructions (timeout)"),
        ("policy aborted", "it aborted"),
    ):
        if known in text:
            return meaning
    return text.strip().splitlines()[0][:200] if text.strip() else type(error).__name__
