from tests.pipelines.scan.conftest import environments, osv_export

__all__ = ["environments", "osv_export"]
