import json
import marshal
import pickle
import shelve

import jsonpickle
import numpy
import torch
import yaml


# vulnerable: pickle from a cache
def cached(cache, key):
    return pickle.loads(cache.get(key))


# vulnerable: pickle from a file
def stored(file):
    return pickle.load(file)


# vulnerable: marshal
def compiled(data):
    return marshal.loads(data)


# vulnerable: yaml with the loader that makes objects
def settings(text):
    return yaml.load(text, Loader=yaml.Loader)


# vulnerable: yaml by its unsafe name
def more_settings(text):
    return yaml.unsafe_load(text)


# vulnerable: jsonpickle
def thawed(text):
    return jsonpickle.decode(text)


# vulnerable: shelve, which is pickle
def shelf(path):
    return shelve.open(path)


# vulnerable: numpy with pickle allowed
def array(path):
    return numpy.load(path, allow_pickle=True)


# vulnerable: a model file is pickle
def model(path):
    return torch.load(path, weights_only=False)


# vulnerable: a loader by a variable
def chosen(text, loader):
    return loader.loads(text)


# safe: JSON
def parsed(text):
    return json.loads(text)


# safe: yaml without objects
def safe_settings(text):
    return yaml.safe_load(text)


# safe: yaml with a safe loader
def safe_by_loader(text):
    return yaml.load(text, Loader=yaml.SafeLoader)


# safe: written, not read
def dumped(value):
    return pickle.dumps(value)


# safe: numpy without pickle
def plain_array(path):
    return numpy.load(path, allow_pickle=False)
