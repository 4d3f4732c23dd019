"""A TCP proxy between us and one Modbus device that loses what a test wants lost."""

import contextlib
import socket
import threading

WRITE_MANY = 16


class Proxy:
    """Forwards whole Modbus frames; `lose_replies` swallows replies to writes.

    With `lose_requests` a write never reaches the device either. Everything else passes.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lose_replies = False
        self.lose_requests = False
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}/1"

    def close(self) -> None:
        self._listener.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        for link in list(self._sockets):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                self._sockets |= {near, far}
                for pair in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, outward: bool) -> None:
        with contextlib.suppress(OSError), source, source.makefile("rb") as frames:
            while head := frames.read(7):
                frame = head + frames.read(int.from_bytes(head[4:6], "big") - 1)
                is_write = frame[7] & 0x7F == WRITE_MANY
                lost = self.lose_requests if outward else self.lose_replies
                if not (is_write and lost):
                    sink.sendall(frame)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        self._sockets.discard(source)
