import json
import marshal
import pickle

import yaml


def load(data: bytes, cache: object) -> None:
    # ruleid: unsafe-deserialisation
    pickle.loads(data)
    # ruleid: unsafe-deserialisation
    pickle.loads(cache.get("session"))
    # ruleid: unsafe-deserialisation
    marshal.loads(data)
    # ruleid: unsafe-deserialisation
    yaml.load(data, Loader=yaml.Loader)
    # ruleid: unsafe-deserialisation
    yaml.unsafe_load(data)

    # ok: unsafe-deserialisation
    yaml.safe_load(data)
    # ok: unsafe-deserialisation
    yaml.load(data, Loader=yaml.CSafeLoader)
    # ok: unsafe-deserialisation
    json.loads(data)
    # ok: unsafe-deserialisation
    pickle.dumps({"a": 1})
