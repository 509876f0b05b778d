import contextlib


def capture(payment: object, log: object) -> None:
    # ruleid: error-swallowed
    try:
        payment.capture()
    except Exception:
        pass
    # ruleid: error-swallowed
    with contextlib.suppress(Exception):
        payment.capture()
    # ok: error-swallowed
    with contextlib.suppress(FileNotFoundError):
        payment.remove_file()
    # ok: error-swallowed
    try:
        payment.capture()
    except KeyError:
        pass
    # ok: error-swallowed
    try:
        payment.capture()
    except Exception:
        log.error("capture.failed")
        raise


def is_paid(payment: object) -> bool:
    # ruleid: error-swallowed
    try:
        payment.capture()
    except:
        return True
    return False
