import xml.dom.minidom
import xml.etree.ElementTree
import xml.sax
from xml.sax import handler

import defusedxml.ElementTree
from lxml import etree


# vulnerable: entities are followed
def entities(body):
    return etree.fromstring(body, etree.XMLParser(resolve_entities=True))


# vulnerable: the network is reached
def network(body):
    return etree.fromstring(body, etree.XMLParser(no_network=False, load_dtd=True))


# safe: as it is, the parser follows no external entity since lxml 5.0
def by_default(body):
    return etree.fromstring(body, etree.XMLParser())


# vulnerable: external entities are switched on
def sax(source):
    parser = xml.sax.make_parser()
    parser.setFeature(handler.feature_external_ges, True)
    parser.parse(source)


# vulnerable: a parser with options from elsewhere
def options(body):
    settings = {"resolve_entities": True}
    return etree.fromstring(body, etree.XMLParser(**settings))


# vulnerable: XInclude is followed
def included(body):
    document = etree.fromstring(body, etree.XMLParser(resolve_entities=False))
    document.getroottree().xinclude()
    return document


# safe: nor does the one that is used when none is named
def no_parser(path):
    return etree.parse(path)


# safe: a library that refuses entities
def defused(body):
    return defusedxml.ElementTree.fromstring(body)


# safe: entities off
def no_entities(body):
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))


# safe: the standard library follows no external entity
def standard(body):
    return xml.etree.ElementTree.fromstring(body)


# safe: and neither does its DOM
def dom(body):
    return xml.dom.minidom.parseString(body)


# safe: external entities are switched off
def sax_off(source):
    parser = xml.sax.make_parser()
    parser.setFeature(handler.feature_external_ges, False)
    parser.parse(source)


# safe: XML is written
def written(element):
    return etree.tostring(element)
