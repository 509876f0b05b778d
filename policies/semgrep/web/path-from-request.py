import os
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

router = APIRouter()
STATEMENTS = {"june": Path("june.pdf")}


@router.get("/statements/{name}")
async def statement(name: str) -> FileResponse:
    # ruleid: path-from-request
    return FileResponse(f"/srv/statements/{name}")


@router.post("/statements")
def upload(request: object, name: str = "june") -> None:
    # ruleid: path-from-request
    open(os.path.join("/srv", request.query_params["name"]))
    # ruleid: path-from-request
    (Path("/srv") / request.form["name"]).write_text("june")

    # ok: path-from-request
    STATEMENTS[name].read_bytes()
    # ok: path-from-request
    open(os.path.join("/srv", os.path.basename(request.args["name"])))
    # ok: path-from-request
    open("/srv/statements/june.pdf")


def read(name: str) -> bytes:
    # ok: path-from-request
    return Path(name).read_bytes()
