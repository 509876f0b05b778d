import os
import tarfile
import zipfile
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from flask import request, send_file

router = APIRouter()
FILES = {"june": "june.pdf"}


# vulnerable: a name from the path of a request
@router.get("/statements/{name}")
def statement(name: str):
    return FileResponse(f"/srv/statements/{name}")


# vulnerable: a name from the query
def download():
    return send_file(os.path.join("/srv", request.args["name"]))


# vulnerable: a form's name is written to
def upload():
    Path("/srv", request.form["name"]).write_bytes(request.get_data())


# vulnerable: an archive is unpacked where its members say
def unpack(path):
    with tarfile.open(path) as archive:
        archive.extractall("/srv/in")


def _folder(name):
    return Path("/srv") / name


# vulnerable: the name passes through another function
@router.get("/reports/{name}")
def report(name: str):
    return _folder(name).read_bytes()


# vulnerable: a name from a queue
def from_queue(message):
    return open("/srv/" + message["name"]).read()


# vulnerable: the check comes before the decoding
@router.get("/files/{name}")
def checked_too_early(name: str):
    from urllib.parse import unquote

    if ".." in name:
        raise ValueError(name)
    return open("/srv/" + unquote(name)).read()


# safe: a name out of a fixed list
@router.get("/listed/{name}")
def listed(name: str):
    return open(FILES[name]).read()


# safe: only the last part of the name
@router.get("/last/{name}")
def last_part(name: str):
    return open(os.path.join("/srv", os.path.basename(name))).read()


# safe: resolved, and compared with the folder
@router.get("/inside/{name}")
def inside(name: str):
    path = (Path("/srv") / name).resolve()
    if not path.is_relative_to("/srv"):
        raise ValueError(name)
    return path.read_bytes()


# safe: a number
@router.get("/numbered/{number}")
def numbered(number: int):
    return open(f"/srv/{number}.pdf").read()


# safe: tarfile refuses what leaves the folder
def unpack_data(path):
    with tarfile.open(path) as archive:
        archive.extractall("/srv/in", filter="data")


# safe: zipfile drops such parts itself
def unpack_zip(path):
    zipfile.ZipFile(path).extractall("/srv/in")


# safe: a path of the configuration
def configured(settings):
    return Path(settings.folder, "ledger.csv").read_text()
