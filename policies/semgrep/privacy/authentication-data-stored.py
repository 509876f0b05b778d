import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


class Card:
    # ruleid: authentication-data-stored
    cvv: Mapped[str] = mapped_column()
    # ruleid: authentication-data-stored
    track_data = sa.Column(sa.Text)
    # ok: authentication-data-stored
    last_four: Mapped[str] = mapped_column()
    # ok: authentication-data-stored
    token = sa.Column(sa.Text)


async def keep(connection: object, session: object, cvv: str, token: str) -> None:
    # ruleid: authentication-data-stored
    await connection.execute("INSERT INTO cards (token, cvv) VALUES ($1, $2)", token, cvv)
    # ruleid: authentication-data-stored
    session.add(Card(token=token, cvv=cvv))
    # ok: authentication-data-stored
    await connection.execute("INSERT INTO cards (token) VALUES ($1)", token)
    # ok: authentication-data-stored
    provider.authorise(token=token, cvv=cvv)
