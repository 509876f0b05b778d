import math
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction


# vulnerable: an amount is a float
def charge(amount: float) -> None:
    return None


# vulnerable: parsed as a float
def parse(text):
    amount = float(text)
    return amount


# vulnerable: rounded
def shown(amount):
    return round(amount, 2)


# vulnerable: to minor units through a float
def minor(price):
    return int(price * 100)


# vulnerable: divided
def share(amount_minor):
    return amount_minor / 3


# vulnerable: a decimal of a float
def rate():
    return Decimal(0.029)


# vulnerable: a fee of a binary fraction
def fee(amount_minor):
    return math.floor(amount_minor * 0.029)


# vulnerable: under a name that does not tell
def tip(sum_paid):
    return sum_paid * 0.15


# vulnerable: a sum of floats
def sum_up(lines):
    return sum(line["net"] * 1.19 for line in lines)


# safe: integers
def split(amount_minor):
    return divmod(amount_minor, 3)


# safe: decimals with a named rounding
def tax(amount):
    return (amount * Decimal("0.19")).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)


# safe: a fraction
def part(amount_minor):
    return Fraction(amount_minor, 3)


# safe: a time
def took_ms(duration_s: float) -> float:
    return round(duration_s * 1000, 1)


# safe: a decimal of text
def exact_rate():
    return Decimal("0.029")


# safe: a number of things
def pages(total, size):
    return math.ceil(total / size)


# safe: a decimal is rounded
def rounded(price: Decimal) -> Decimal:
    return round(price, 2)
