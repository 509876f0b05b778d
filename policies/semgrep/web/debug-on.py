import fastapi

# ruleid: debug-on
DEBUG = True
# ok: debug-on
DEBUG = False


def serve(app: object, debugging: bool) -> None:
    # ruleid: debug-on
    fastapi.FastAPI(debug=True)
    # ruleid: debug-on
    app.run(port=8420, debug=True)
    # ruleid: debug-on
    app.config["DEBUG"] = True

    # ok: debug-on
    fastapi.FastAPI(debug=debugging)
    # ok: debug-on
    app.run(port=8420)
