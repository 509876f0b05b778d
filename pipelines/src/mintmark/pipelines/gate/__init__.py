"""
The gate: one policy over all facts, one verdict, and the reasons for it.

    pack = PolicyPack.locate()
    gate = Gate.open(pack, WasmEngine(pack))
    decision = gate.judge(build_input(...))

Nothing is imported here, so that a command pays only for the part that it uses.
"""
