import logging
import sys

import structlog

logger = logging.getLogger(__name__)
log = structlog.get_logger()


def authorise(card_number: str, payment: object, body: dict, panel: str) -> None:
    # ruleid: card-number-logged
    logger.info("card %s", card_number)
    # ruleid: card-number-logged
    logger.info(f"card {card_number}")
    # ruleid: card-number-logged
    logging.warning("card " + payment.card_number)
    # ruleid: card-number-logged
    log.info("payment.authorised", pan=payment.pan)
    # ruleid: card-number-logged
    logger.info("refused", extra={"cvv": body["cvv"]})
    # ruleid: card-number-logged
    print(card_number)
    shown = f"card {card_number}"
    # ruleid: card-number-logged
    logger.debug(shown)

    # ok: card-number-logged
    logger.info("payment %s", payment.id)
    # ok: card-number-logged
    logger.info("card ending in %s", card_number[-4:])
    # ok: card-number-logged
    logger.info("card %s", mask_pan(card_number))
    # ok: card-number-logged
    print(panel)
    # ok: card-number-logged
    vault.store(card_number)


def elsewhere(pan: str, body: dict, payment: object, primary_account_number: str) -> None:
    # ruleid: card-number-logged
    logging.getLogger("till").warning("card %s", pan)
    # ruleid: card-number-logged
    logger.info("card %s", body.get("card_number"))
    # ruleid: card-number-logged
    logger.info("card %s", payment.card.number)
    # ruleid: card-number-logged
    log.bind(pan=pan).info("paid")
    # ruleid: card-number-logged
    logger.info("card %s", primary_account_number)
    # ruleid: card-number-logged
    sys.stdout.write(pan)
    # ok: card-number-logged
    logger.info("card of %s", payment.card.id)
    # ok: card-number-logged
    log.bind(payment=payment.id).info("paid")
