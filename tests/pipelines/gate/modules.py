"""Policy modules written by hand, as no compiler would make them: real WebAssembly with the calls of the OPA ABI."""

from __future__ import annotations

from wasmtime import wat2wasm

FIRST_PAGES = 32

_MODULE = """(module
  (import "env" "memory" (memory {pages}))
  (import "env" "opa_abort" (func $abort (param i32)))
  (import "env" "opa_builtin0" (func $builtin0 (param i32 i32) (result i32)))
  (data (i32.const 1024) "{entrypoints}\\00")
  (data (i32.const 2048) "{builtins}\\00")
  (data (i32.const 4096) "{answer}\\00")
  (func (export "entrypoints") (result i32) (i32.const 1024))
  (func (export "builtins") (result i32) (i32.const 2048))
  (func (export "opa_json_dump") (param i32) (result i32) (local.get 0))
  (func (export "opa_json_parse") (param i32 i32) (result i32) (i32.const 8))
  (func (export "opa_malloc") (param i32) (result i32) (i32.const 262144))
  (func (export "opa_heap_ptr_get") (result i32) (i32.const 524288))
  (func $deeper (param i32) (result i32) (i32.add (i32.const 1) (call $deeper (local.get 0))))
  (func (export "opa_eval") (param i32 i32 i32 i32 i32 i32 i32) (result i32) {body}))"""

ENTRYPOINTS = '{"mintmark/gate/verdict":0}'


def module(
    body: str = "(i32.const 4096)", *, answer: str = "[]", builtins: str = "{}", entrypoints: str = ENTRYPOINTS
) -> bytes:
    """`body` is what `opa_eval` does; as it stands it returns the address of `answer`."""
    texts = {"answer": answer, "builtins": builtins, "entrypoints": entrypoints}
    return bytes(
        wat2wasm(
            _MODULE.format(
                pages=FIRST_PAGES, body=body, **{name: text.replace('"', '\\"') for name, text in texts.items()}
            )
        )
    )


RECURSION = "(call $deeper (i32.const 0))"
ENDLESS_LOOP = "(loop $again (br $again)) (i32.const 4096)"
RUNTIME_ERROR = "unreachable"
ABORT = "(call $abort (i32.const 4096)) (i32.const 4096)"
CALLS_THE_HOST = "(call $builtin0 (i32.const 0) (i32.const 0))"
OUTSIDE_ITS_MEMORY = "(i32.load (i32.const -16))"
NO_ADDRESS = "(i32.const -1)"
EATS_MEMORY = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable"
# 65 MiB of the letter a, and no end before the memory's: longer than any verdict may be
GIANT_OUTPUT = (
    "(drop (memory.grow (i32.const 1200)))"
    " (memory.fill (i32.const 2097152) (i32.const 97) (i32.const 78643200)) (i32.const 2097152)"
)
