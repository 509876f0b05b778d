import logging
import sys

logger = logging.getLogger(__name__)


def accept(request: object, access_token: str, password: str, user: object, payment_token: str) -> None:
    # ruleid: token-logged
    logger.info("token %s", access_token)
    # ruleid: token-logged
    logger.debug(f"signing in with {password}")
    # ruleid: token-logged
    logging.warning("headers: %s", request.headers["Authorization"])
    # ruleid: token-logged
    print(user.api_key)
    # ruleid: token-logged
    logger.info("signed in", extra={"secret": request.headers.get("Cookie")})

    # ok: token-logged
    logger.info("signed in: %s", user.id)
    # ok: token-logged
    logger.info("token of %s characters", len(access_token))
    # ok: token-logged
    logger.info("payment with %s", payment_token)
    # ok: token-logged
    logger.info("password is missing: %s", password is None)


def elsewhere(password: str, user: object) -> None:
    # ruleid: token-logged
    logging.getLogger("till").warning("password %s", password)
    # ruleid: token-logged
    sys.stderr.write(password)
    # ok: token-logged
    logging.getLogger("till").warning("user %s", user.id)
