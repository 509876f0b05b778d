import json
import marshal
import pickle

import numpy
import torch
import yaml
from ruamel.yaml import YAML


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


def handed_on(messages: list[bytes], data: bytes) -> None:
    # ruleid: unsafe-deserialisation
    map(pickle.loads, messages)
    # ruleid: unsafe-deserialisation
    yaml.load(stream=data, Loader=yaml.Loader)
    # ruleid: unsafe-deserialisation
    yaml.load_all(data)
    # ruleid: unsafe-deserialisation
    numpy.load(data, allow_pickle=True)
    # ruleid: unsafe-deserialisation
    torch.load(data)
    # ruleid: unsafe-deserialisation
    YAML(typ="unsafe").load(data)
    # ok: unsafe-deserialisation
    map(json.loads, messages)
    # ok: unsafe-deserialisation
    yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    # ok: unsafe-deserialisation
    numpy.load(data)
    # ok: unsafe-deserialisation
    torch.load(data, weights_only=True)
    # ok: unsafe-deserialisation
    YAML(typ="safe").load(data)
