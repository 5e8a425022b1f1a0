"""Dropping the connections of clients that do not read their answers."""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path


def drop_unread(port: int, seconds: int) -> None:
    """Let the kernel drop connections to a port of this process whose clients take nothing for some seconds.

    A thread that sends waits for its client, and nothing in Python ends that. Only Linux has this timeout.
    Without a free descriptor, connections stay as they are: the download matters more than the timeout.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError):
        for file in Path("/proc/self/fd").iterdir():
            # A file of another thread may be gone by now.
            with suppress(OSError):
                if file.is_socket():
                    _limit_sending(int(file.name), port, seconds)


def _limit_sending(number: int, port: int, seconds: int) -> None:
    with socket.socket(fileno=os.dup(number)) as connection:
        if connection.type == socket.SOCK_STREAM and connection.getsockname()[1:2] == (port,):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
