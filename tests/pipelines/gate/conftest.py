from tests.policies.fixtures import gate, opa, pack, published, server, wasm

__all__ = ["gate", "opa", "pack", "published", "server", "wasm"]
