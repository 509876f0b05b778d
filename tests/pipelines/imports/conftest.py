from tests.pipelines.scan.conftest import advisories, environments

__all__ = ["advisories", "environments"]
