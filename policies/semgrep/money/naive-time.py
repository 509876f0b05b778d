import datetime as dt
from datetime import UTC, datetime


def stamp(epoch: int, clock: object) -> None:
    # ruleid: naive-time
    datetime.utcnow()
    # ruleid: naive-time
    datetime.now()
    # ruleid: naive-time
    dt.date.today()
    # ruleid: naive-time
    datetime.fromtimestamp(epoch)

    # ok: naive-time
    datetime.now(UTC)
    # ok: naive-time
    dt.datetime.now(tz=dt.UTC)
    # ok: naive-time
    datetime.fromtimestamp(epoch, UTC)
    # ok: naive-time
    datetime.now().astimezone()
    # ok: naive-time
    clock.now()
