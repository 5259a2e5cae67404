"""A command-line tool as a gateway sees it: a new process, one connection, one question.

`python -m bench.fresh_client` reads one JSON line (port, path, headers, body, and `trusted`, a
certificate, if TLS is spoken) and says the seconds from just before it connects to the first event
it hears. What the interpreter needs to start is not in them.
"""

import json
import socket
import ssl
import sys
import time
from typing import Any


def first_event(order: dict[str, Any]) -> float:
    """Seconds. Raises ConnectionError if the reply is none."""
    body = order["body"].encode()
    lines = [f"POST {order['path']} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in order["headers"].items()]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    request = "\r\n".join(lines).encode() + body
    trusted = order.get("trusted")
    context = ssl.create_default_context(cafile=trusted) if trusted else None
    begun = time.perf_counter()
    connection = socket.create_connection(("127.0.0.1", order["port"]))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context:
        connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
    with connection:
        connection.sendall(request)
        heard = b""
        while b"data: " not in heard:
            data = connection.recv(65_536)
            if not data:
                raise ConnectionError(heard.decode())
            heard += data
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.stdout.write(f"{first_event(json.loads(sys.stdin.readline()))}\n")
