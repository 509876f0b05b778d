from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

router = APIRouter()
PAGES = {"done": "/done"}


@router.get("/return")
def returned(request: Request, page: str, next_url: str = "/") -> RedirectResponse:
    if page:
        # ok: redirect-from-request
        return RedirectResponse(PAGES[page])
    if next_url == "/":
        # ok: redirect-from-request
        return RedirectResponse(request.url_for("home"))
    if request.method == "HEAD":
        # ruleid: redirect-from-request
        return RedirectResponse(url=request.query_params["next"])
    # ruleid: redirect-from-request
    return RedirectResponse(next_url)
