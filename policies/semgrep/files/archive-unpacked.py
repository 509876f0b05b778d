import tarfile
import zipfile


def unpack(path: str, folder: str) -> None:
    with tarfile.open(path) as archive:
        # ruleid: archive-unpacked
        archive.extractall(folder)
        # ok: archive-unpacked
        archive.extractall(folder, filter="data")
        # ok: archive-unpacked
        archive.getnames()
    opened = tarfile.open(path)
    # ruleid: archive-unpacked
    opened.extractall(folder, filter="fully_trusted")
    # ok: archive-unpacked
    zipfile.ZipFile(path).extractall(folder)
