import ast
import asyncio
import os
import shlex
import subprocess


# vulnerable: a shell reads a file name
def compress(name):
    subprocess.run(f"gzip {name}", shell=True, check=True)


# vulnerable: os.system
def mail(address):
    os.system("sendmail " + address)


# vulnerable: os.popen
def listing(folder):
    return os.popen("ls " + folder).read()


# vulnerable: an asynchronous shell
async def convert(name):
    await asyncio.create_subprocess_shell(f"pdftotext {name}")


# vulnerable: a formula is run as Python
def fee(formula, amount_minor):
    return eval(formula, {"amount_minor": amount_minor})


# vulnerable: a plug-in's text is run
def plug_in(text):
    exec(text)


# vulnerable: a shell by its own name
def through_sh(command):
    subprocess.run(["sh", "-c", command], check=True)


# vulnerable: the caller's value is an option of git
def clone(url):
    subprocess.run(["git", "clone", url], check=True)


# vulnerable: a shell by a variable
def variable_shell(command, shell):
    subprocess.run(command, shell=shell, check=True)


# safe: a list without a shell
def compressed(path):
    subprocess.run(["/usr/bin/gzip", "--", path], check=True)


# safe: a constant
def version():
    return subprocess.run(["/usr/bin/git", "--version"], check=True, capture_output=True).stdout


# safe: a literal is parsed
def parsed(text):
    return ast.literal_eval(text)


# safe: a method that is called eval
def evaluate(model):
    model.eval()


# safe: quoted for people to read
def shown(arguments):
    return "run: " + shlex.join(arguments)
