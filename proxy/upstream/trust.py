"""Whose certificates are believed: the system's trust store, or certifi's where it is empty."""

import ssl
from dataclasses import dataclass
from functools import cache

import certifi


@dataclass(frozen=True, slots=True)
class Trust:
    """A TLS context and the name of the store behind it, for people reading an error."""

    context: ssl.SSLContext
    store: str


@cache
def load() -> Trust:
    """The system's store (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured), else certifi's.

    A system whose certificates lie in a directory loads them when they are needed, so an empty
    count alone does not tell that there are none. Reading takes 30 ms, so it is done once.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if context.cert_store_stats()["x509_ca"]:
        return Trust(context, f"the system's trust store ({paths.cafile or 'built in'})")
    if paths.capath:
        return Trust(context, f"the system's trust store ({paths.capath})")
    context.load_verify_locations(certifi.where())
    return Trust(context, "certifi's trust store (the system has none)")
