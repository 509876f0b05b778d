import logging

from sqlalchemy import Column, Text

logger = logging.getLogger(__name__)


# vulnerable: a card number in a log
def log_card(card_number):
    logger.info("authorising %s", card_number)


# vulnerable: by another name
def log_pan(payment):
    logger.warning(f"declined: {payment.pan}")


# vulnerable: through a variable
def log_later(card_number):
    shown = "card " + card_number
    logger.debug(shown)


# vulnerable: a verification code in a log
def log_cvv(body):
    logger.info("refused", extra={"cvv": body["cvv"]})


# vulnerable: a card number in the source
def demo():
    return {"card": "4111 1111 1111 1111"}


# vulnerable: a column for verification codes
def columns():
    cvv = Column(Text)
    return cvv


# vulnerable: a verification code is inserted
async def keep(connection, token, cvv):
    await connection.execute("INSERT INTO cards (token, cvv) VALUES ($1, $2)", token, cvv)


# vulnerable: the whole request
def log_request(body):
    logger.info("received %s", body)


# vulnerable: in an error that somebody logs
def refuse(card_number):
    raise ValueError(f"card {card_number} is refused")


# vulnerable: under a name that does not tell
def log_number(number):
    logger.info("charging %s", number)


# vulnerable: a track under another name
async def keep_swipe(connection, swipe):
    await connection.execute("INSERT INTO swipes (raw) VALUES ($1)", swipe)


# safe: the payment's id
def log_payment(payment):
    logger.info("authorised %s", payment.id)


# safe: the last four digits
def log_last_four(card_number):
    logger.info("card ending in %s", card_number[-4:])


# safe: masked
def log_masked(card_number):
    logger.info("card %s", mask_card(card_number))


# safe: only used
def authorise(provider, card_number, cvv):
    return provider.authorise(card_number, cvv)


# safe: a panel is no pan
def log_panel(panel):
    logger.info("panel %s", panel)


# safe: a long number that is no card
def reference():
    return "1234567890123456"


# safe: an id that begins like a card's, and fails the check digit
def order():
    return {"order": "4000123412341235"}
