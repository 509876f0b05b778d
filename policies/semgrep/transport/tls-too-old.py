import ssl


def contexts(context: ssl.SSLContext) -> None:
    # ruleid: tls-too-old
    ssl.SSLContext(ssl.PROTOCOL_TLSv1)
    # ruleid: tls-too-old
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    # ruleid: tls-too-old
    context.options &= ~ssl.OP_NO_TLSv1
    # ruleid: tls-too-old
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED

    # ok: tls-too-old
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # ok: tls-too-old
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # ok: tls-too-old
    context.options |= ssl.OP_NO_TLSv1_1
    # ok: tls-too-old
    ssl.create_default_context()
