import uuid

# Numbers that the schemes publish for tests, and numbers that are none.
# ruleid: card-number-in-code
VISA = "4111111111111111"
# ruleid: card-number-in-code
MASTERCARD = 5555555555554444
# ruleid: card-number-in-code
AMEX = "3782 822463 10005"
# ruleid: card-number-in-code
payment = {"card": "4000-0566-5566-5556"}

# ok: card-number-in-code
AMOUNT_MINOR = 1_000_000_000_000_000
# ok: card-number-in-code
REFERENCE = "FLORIN-4111111111111111"
# ok: card-number-in-code
NANOSECONDS = 1767225600000000000
# ok: card-number-in-code
IDENTITY = uuid.UUID("41111111-1111-4111-8111-111111111111")
# ok: card-number-in-code
SHORT = "411111111111"
