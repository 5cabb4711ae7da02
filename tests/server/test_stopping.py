"""A server that is stopped while clients connect."""

import gc
import socket
import sys
import time

import pytest

from support.backends import ScriptedBackend
from support.reply import Served
from support.server import LoopbackServer

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sent", [b"", REQUEST])
def test_connections_it_had_no_time_to_take_are_closed(sent, monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    server = LoopbackServer(ScriptedBackend([Served("4")], cycle=True)).start()
    server._loop.call_soon_threadsafe(time.sleep, 0.1)  # as on a busy machine
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server._port)) as client:
            client.sendall(sent)
    server.stop()
    assert server.counts.in_flight == 0
    del server
    gc.collect()
    assert not [complaint.exc_value for complaint in complaints]
