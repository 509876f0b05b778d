"""A running Florin whose ledger is traced."""

from tests.service.conftest import florin

__all__ = ["florin"]
