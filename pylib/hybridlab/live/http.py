"""HTTP requests from here to machines of the homelab; what an answer means is not known here.

No proxy is asked and no redirect is followed, whatever the environment or the answer says; a certificate may
be anybody's. An answer is bounded in size and time.
"""

import contextlib
import socket
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Timer
from urllib.parse import urlsplit

from hybridlab.live.checks.check import Http, HttpAnswer, Refused

_MOST_BYTES = 4 * 2**20
_CONNECT_SECONDS = 10


def send(http: Http) -> HttpAnswer | Refused:
    """Send a request, and return what came back within its time."""
    end = time.monotonic() + http.seconds
    connection = _connection(http)
    try:
        answer = _until(end, connection, http)
    except HTTPException as error:
        answer = Refused(f"what answers speaks no HTTP ({type(error).__name__})")
    except TimeoutError:
        answer = Refused("no answer in time")
    except OSError as error:
        answer = Refused((error.strerror or str(error)).lower())
    finally:
        connection.close()
    return answer if time.monotonic() < end else Refused(f"no end within {http.seconds} s")


def _until(end: float, connection: HTTPConnection, http: Http) -> HttpAnswer | Refused:
    connection.connect()
    connection.sock.settimeout(http.seconds)
    # A socket's timeout is for each read: whoever sends a byte now and then would never be done.
    timer = Timer(max(0, end - time.monotonic()), _cut, [connection.sock])
    timer.daemon = True
    timer.start()
    try:
        return _exchange(connection, http)
    finally:
        timer.cancel()


def _connection(http: Http) -> HTTPConnection:
    url = urlsplit(http.url)
    seconds = min(http.seconds, _CONNECT_SECONDS)
    if url.scheme == "http":
        return HTTPConnection(url.hostname or "", url.port, timeout=seconds)
    anybodys = ssl.create_default_context()
    anybodys.check_hostname = False
    anybodys.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(url.hostname or "", url.port, timeout=seconds, context=anybodys)


def _cut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _exchange(connection: HTTPConnection, http: Http) -> HttpAnswer | Refused:
    url = urlsplit(http.url)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if http.post is None:
        connection.request("GET", target)
    else:
        connection.request("POST", target, http.post.encode(), {"Content-Type": "application/json"})
    response: HTTPResponse = connection.getresponse()
    body = response.read(_MOST_BYTES + 1)
    if len(body) > _MOST_BYTES:
        return Refused(f"its answer is larger than {_MOST_BYTES // 2**20} MiB")
    return HttpAnswer(response.status, body.decode(errors="replace"))
