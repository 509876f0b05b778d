import socket

import uvicorn


def serve(app: object, host: str, listener: socket.socket) -> None:
    # ruleid: listens-everywhere
    uvicorn.run(app, host="0.0.0.0", port=8420)
    # ruleid: listens-everywhere
    listener.bind(("0.0.0.0", 8420))
    # ruleid: listens-everywhere
    listener.bind(("", 8420))

    # ok: listens-everywhere
    uvicorn.run(app, host="127.0.0.1", port=8420)
    # ok: listens-everywhere
    uvicorn.run(app, host=host)
    # ok: listens-everywhere
    refuse_address("0.0.0.0")
