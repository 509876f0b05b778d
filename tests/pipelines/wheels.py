"""A small but real wheel, for tests that need one."""

from __future__ import annotations

import io
import zipfile


def small_wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("a/__init__.py", "x = 1\n"), ("a-1.dist-info/RECORD", "")):
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()
