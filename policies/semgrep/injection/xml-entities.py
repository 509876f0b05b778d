import xml.sax
from xml.sax import handler

import defusedxml.ElementTree
from lxml import etree


def parse(body: bytes) -> None:
    # ruleid: xml-entities
    etree.fromstring(body, etree.XMLParser(resolve_entities=True))
    # ruleid: xml-entities
    etree.XMLParser(no_network=False, resolve_entities=False)
    parser = xml.sax.make_parser()
    # ruleid: xml-entities
    parser.setFeature(handler.feature_external_ges, True)

    # ok: xml-entities
    etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    # ok: xml-entities
    etree.fromstring(body, parser=etree.XMLParser())
    # ok: xml-entities
    defusedxml.ElementTree.fromstring(body)
    # ok: xml-entities
    parser.setFeature(handler.feature_external_ges, False)
