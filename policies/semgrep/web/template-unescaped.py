import jinja2
from flask import render_template, render_template_string
from markupsafe import Markup, escape


def pages(text: str, folder: str) -> None:
    # ruleid: template-unescaped
    jinja2.Environment(autoescape=False)
    # ruleid: template-unescaped
    jinja2.Environment(loader=jinja2.FileSystemLoader(folder))
    # ruleid: template-unescaped
    jinja2.Template(text).render()
    # ruleid: template-unescaped
    render_template_string(f"<p>{text}</p>")
    # ruleid: template-unescaped
    Markup(text)

    # ok: template-unescaped
    jinja2.Environment(autoescape=True)
    # ok: template-unescaped
    jinja2.Environment(autoescape=jinja2.select_autoescape())
    # ok: template-unescaped
    render_template("payment.html", reference=text)
    # ok: template-unescaped
    Markup("<p>%s</p>") % escape(text)
