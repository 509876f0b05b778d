import ast
import builtins


def run_text(text: str, model: object, session: object) -> None:
    # ruleid: eval-or-exec
    eval(text)
    # ruleid: eval-or-exec
    exec(text, {})
    # ruleid: eval-or-exec
    builtins.eval(text)
    # ok: eval-or-exec
    ast.literal_eval(text)
    # ok: eval-or-exec
    model.eval()
    # ok: eval-or-exec
    session.exec(text)


def under_another_name(text: str) -> None:
    # ruleid: eval-or-exec
    run = eval
    run(text)
    # ruleid: eval-or-exec
    getattr(builtins, "exec")(text)
    # ok: eval-or-exec
    getattr(builtins, "len")(text)
