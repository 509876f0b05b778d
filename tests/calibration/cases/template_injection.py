import html

import jinja2
from flask import render_template, render_template_string
from mako.template import Template as MakoTemplate
from markupsafe import Markup, escape


# vulnerable: no escaping
def environment():
    return jinja2.Environment(autoescape=False)


# vulnerable: no escaping by default
def default_environment(folder):
    return jinja2.Environment(loader=jinja2.FileSystemLoader(folder))


# vulnerable: the text is a template
def receipt(text):
    return jinja2.Template(text).render()


# vulnerable: a value becomes part of a template
def greeting(name):
    return render_template_string(f"<p>Hello {name}</p>")


# vulnerable: called safe, and from a caller
def marked(reference):
    return Markup(reference)


# vulnerable: another library that does not escape
def mako(text):
    return MakoTemplate(text).render()


# vulnerable: HTML put together by hand
def page(reference):
    return "<p>" + reference + "</p>"


# vulnerable: a template from a string of an environment
def from_string(environment, text):
    return environment.from_string(text).render()


# safe: escaping
def good_environment():
    return jinja2.Environment(autoescape=True)


# safe: escaping by file name
def selected():
    return jinja2.Environment(autoescape=jinja2.select_autoescape())


# safe: a value for a template
def rendered(reference):
    return render_template("payment.html", reference=reference)


# safe: a constant
def constant():
    return Markup("<hr>")


# safe: escaped by hand
def escaped(reference):
    return Markup("<p>%s</p>") % escape(reference)


# safe: escaped before it is marked
def escaped_first(reference):
    return Markup(html.escape(reference))


# safe: a template of this file, and plain text
def letter(name):
    return render_template_string("Hello {{ name }}", name=name)
