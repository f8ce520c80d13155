"""Run as a program, with nothing of ours: answers on ports, or tries to get an answer.

    talk.py serve PORT…    answer whoever connects, over TCP and UDP; says "ready" when it does
    talk.py dial           read [[source or null, protocol, address, port], …] from stdin, print who answered

An answer is the text that came, so that a connection counts only when packets went both ways.
"""

import contextlib
import json
import socket
import sys
import threading

_TEXT = b"anybody there?"
# In seconds: time for a lost first packet to be sent again (1 s after the first).
_PATIENCE = 2.5
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def _serve(ports: list[str]) -> None:
    for port in map(int, ports):
        stream = socket.create_server(("0.0.0.0", port))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("0.0.0.0", port))
        threading.Thread(target=_answer_stream, args=(stream,), daemon=True).start()
        threading.Thread(target=_answer_datagrams, args=(datagrams,), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


def _answer_stream(server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(_PATIENCE)
        connection.sendall(connection.recv(64))


def _answer_datagrams(server: socket.socket) -> None:
    while True:
        data, peer = server.recvfrom(64)
        server.sendto(data, peer)


def _dial_all(calls: list[tuple[str | None, str, str, int]]) -> list[bool]:
    answered = [False] * len(calls)

    def dial(number: int) -> None:
        answered[number] = _dial(*calls[number])

    threads = [threading.Thread(target=dial, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answered


def _dial(source: str | None, protocol: str, address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, _KINDS[protocol]) as caller:
        caller.settimeout(_PATIENCE)
        try:
            if source is not None:
                caller.bind((source, 0))
            caller.connect((address, port))
            caller.sendall(_TEXT)
            return caller.recv(64) == _TEXT
        except OSError:
            return False


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(sys.argv[2:])
    else:
        json.dump(_dial_all(json.load(sys.stdin)), sys.stdout)
