"""A TCP proxy that breaks what passes it, in the words of networks: refused, reset, slow, cut.

It stands before Redis, a database, a vault or an LMS, and knows none of their protocols. A fault
holds for connections that are open, too, from the next bytes on; `heal` ends it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = 65536
#: How soon a connection without traffic notices that it is healed, or has to end.
LOOK_S = 0.05


class Cut(Exception):
    """This connection ends here, with a reset."""


class Fault:
    """What becomes of the bytes of one connection; this one passes them on."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def up(self, data: bytes) -> bytes:
        """What the server gets of what the client sent; raises Cut."""
        return data

    def down(self, data: bytes) -> bytes:
        """What the client gets of what the server sent; raises Cut."""
        return data


#: Makes a connection's fault; `Fault` and its kinds are such.
Kind = Callable[["Wire"], Fault]


class Reset(Fault):
    """The connection breaks as soon as anything is said."""

    def up(self, data: bytes) -> bytes:
        raise Cut

    down = up


class BlackHole(Fault):
    """Nothing arrives, in either direction, and nobody says so."""

    def up(self, data: bytes) -> bytes:
        self.wire.lossy = True
        return b""

    down = up


class DropReply(Fault):
    """What is asked is done; the answer is lost with the connection."""

    def down(self, data: bytes) -> bytes:
        raise Cut


class Duplicate(Fault):
    """What is sent arrives twice; the second answer goes nowhere."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._twin = wire.proxy.connect()
        wire.also_close(self._twin)

    def up(self, data: bytes) -> bytes:
        self._twin.sendall(data)
        threading.Thread(target=_swallow, args=(self._twin,), daemon=True).start()
        return data


def latency(seconds: float) -> Kind:
    """Everything takes so much longer, each way."""

    class Latency(Fault):
        def up(self, data: bytes) -> bytes:
            self.wire.wait(seconds)
            return data

        down = up

    return Latency


def cut_after(count: int) -> Kind:
    """The connection breaks when the server has got so many bytes."""

    class CutAfter(Fault):
        left = count

        def up(self, data: bytes) -> bytes:
            if len(data) >= self.left:
                self.wire.server.sendall(data[: self.left])
                raise Cut
            self.left -= len(data)
            return data

    return CutAfter


def truncate(count: int) -> Kind:
    """The connection breaks when the client has got so many bytes."""

    class Truncate(Fault):
        left = count

        def down(self, data: bytes) -> bytes:
            if len(data) >= self.left:
                self.wire.client.sendall(data[: self.left])
                self.wire.end_softly()
                raise Cut
            self.left -= len(data)
            return data

    return Truncate


def drip(size: int, *, every: float) -> Kind:
    """Answers come so many bytes at a time."""

    class Drip(Fault):
        def down(self, data: bytes) -> bytes:
            for start in range(0, len(data), size):
                self.wire.client.sendall(data[start : start + size])
                self.wire.wait(every)
            return b""

    return Drip


class Held:
    """A kind of fault that keeps answers to itself until told to give them up."""

    def __init__(self) -> None:
        #: Set once the server has answered.
        self.answered = threading.Event()
        self.given_up = threading.Event()

    def __call__(self, wire: Wire) -> Fault:
        held = self

        class Hold(Fault):
            def down(self, data: bytes) -> bytes:
                held.answered.set()
                while not held.given_up.is_set():
                    wire.wait(LOOK_S)
                raise Cut

        return Hold(wire)


class FaultProxy:
    """Passes connections on to ``upstream``: ``host:port``, or the path of a unix socket."""

    def __init__(self, upstream: str | Path) -> None:
        self.upstream = upstream
        self.port = 0
        self._kind: Kind = Fault
        self._on: bytes | None = None
        self._left: int | None = None
        self._generation = 0
        self._lock = threading.Lock()
        self._wires: set[Wire] = set()
        self._listener: socket.socket | None = None
        self.ending = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        self._listen()
        try:
            yield self
        finally:
            self.ending.set()
            self.refuse()
            for wire in list(self._wires):
                wire.thread.join(timeout=10)

    def behave(self, kind: Kind, *, on: bytes | None = None, times: int | None = None) -> None:
        """Break what passes from now on.

        ``on``: only connections on which the client says this, from then on. ``times``: only so
        many connections, the first.
        """
        with self._lock:
            self._kind, self._on, self._left = kind, on, times
            self._generation += 1

    def heal(self) -> None:
        """Pass everything on again; connections that have lost bytes are cut."""
        self.behave(Fault)
        if self._listener is None:
            self._listen()

    def refuse(self) -> None:
        """Accept no connections, and cut those there are."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
            self._thread.join()
        self.cut()

    def cut(self) -> None:
        """Reset every open connection."""
        for wire in list(self._wires):
            wire.doomed = True

    def settle(self) -> None:
        """Wait until all that the ends have said is passed on, and they say nothing more."""
        wires = list(self._wires)
        for wire in wires:
            wire.rests.clear()
        for wire in wires:
            if not wire.rests.wait(timeout=10):
                raise TimeoutError("somebody still talks; stop it first")

    def fault_of(self, wire: Wire, said: bytes | None) -> tuple[int, Kind | None]:
        """What is to become of a connection on which a client says this: a generation and a kind.

        None where that does not concern it (yet).
        """
        with self._lock:
            if self._on is not None and (said is None or self._on not in said):
                return self._generation, None
            if self._left is not None:
                if self._left == 0:
                    return self._generation, None
                self._left -= 1
            return self._generation, self._kind

    @property
    def generation(self) -> int:
        return self._generation

    def connect(self) -> socket.socket:
        """Another connection to the server; raises OSError."""
        if isinstance(self.upstream, Path):
            made = socket.socket(socket.AF_UNIX)
            try:
                made.connect(str(self.upstream))
            except OSError:
                made.close()
                raise
            return made
        host, _, port = self.upstream.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=10)

    def forget(self, wire: Wire) -> None:
        self._wires.discard(wire)

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            wire = Wire(self, client)
            self._wires.add(wire)
            wire.thread.start()


class Wire:
    """One connection, and the one to the server behind it."""

    server: socket.socket

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self.proxy, self.client = proxy, client
        self.lossy = self.doomed = False
        self._soft = False
        self._generation, self._fault = -1, Fault(self)
        self._concerned = False
        self._others: list[socket.socket] = []
        #: Set whenever neither end has anything to say.
        self.rests = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def also_close(self, other: socket.socket) -> None:
        self._others.append(other)

    def end_softly(self) -> None:
        """End with all that was sent delivered, instead of a reset."""
        self._soft = True

    def wait(self, seconds: float) -> None:
        """Let time pass; raises Cut if the connection has to end meanwhile."""
        if self.doomed or self.proxy.ending.wait(seconds):
            raise Cut

    def _run(self) -> None:
        try:
            self.server = self.proxy.connect()
            with self.server:
                self._pass_on()
        except (Cut, OSError):
            pass
        finally:
            self.rests.set()
            self._end()
            self.proxy.forget(self)

    def _pass_on(self) -> None:
        while True:
            readable, _, _ = select.select([self.client, self.server], [], [], LOOK_S)
            if not readable:
                self.rests.set()
            if self.doomed or self.proxy.ending.is_set():
                raise Cut
            if self.lossy and self._generation != self.proxy.generation:
                raise Cut
            for end in readable:
                data = end.recv(CHUNK)
                if not data:
                    self._soft = True
                    return
                if end is self.client:
                    self.server.sendall(self._now(data).up(data))
                else:
                    self.client.sendall(self._now(None).down(data))

    def _now(self, said: bytes | None) -> Fault:
        if self._generation != self.proxy.generation:
            self._generation, self._concerned, self._fault = -1, False, Fault(self)
        if not self._concerned:
            generation, kind = self.proxy.fault_of(self, said)
            if kind is not None:
                self._fault, self._concerned = kind(self), True
                self._generation = generation
            elif self._generation == -1:
                self._generation = generation
        return self._fault

    def _end(self) -> None:
        if not self._soft:
            # A close that waits for nothing is a reset.
            with contextlib.suppress(OSError):
                self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for end in (self.client, *self._others):
            end.close()


def _swallow(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.recv(CHUNK)
