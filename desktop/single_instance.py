"""One window for each user and data folder: a second start hands its paths to the first and ends."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from mqwen.library.data_folder import data_folder

log = logging.getLogger(__name__)
_PATIENCE_S = 5.0  # the first start may hold the lock and not listen yet
_WAIT_MS = 1000
_MOST_BYTES = 8 << 20


class SingleInstance(QObject):
    """Ask first() before the window is made; the first one then hears `paths_received` of every later start.

    The lock file decides who is first (it is freed by the system when a process dies); the socket only carries paths.
    """

    paths_received = Signal(list)  # list[Path], empty for a start without any

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        folder = folder or data_folder()
        self._name = "mqwen-" + hashlib.sha256(str(folder.absolute()).encode("utf-8", "replace")).hexdigest()[:20]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # then the lock fails too, and the window opens all the same
            log.warning("%s cannot be made: %s", folder, error)
        self._lock = QLockFile(str(folder / "desktop.lock"))
        self._lock.setStaleLockTime(0)  # held until its process is gone, however long that is
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        self._sockets: list[QLocalSocket] = []  # children of the server

    def first(self, paths: Sequence[Path]) -> bool:
        """Say whether this process is to open the window; False after the first one has taken the paths.

        Where no other process answers, the window is opened: better two than none.
        """
        end = time.monotonic() + _PATIENCE_S
        while not self._lock.tryLock(0):
            if self._lock.error() != QLockFile.LockError.LockFailedError:
                return True  # no lock can be had here at all
            if self._hand_over(paths):
                return False
            if time.monotonic() > end:
                log.warning("another MQwen holds the lock and does not answer")
                return True
            time.sleep(0.05)
        QLocalServer.removeServer(self._name)  # what a crash left
        if not self._server.listen(self._name):
            log.warning("later starts cannot reach this one: %s", self._server.errorString())
        return True

    def close(self) -> None:
        """Let another start be the first."""
        self._sockets.clear()
        self._server.close()
        self._lock.unlock()

    def _hand_over(self, paths: Sequence[Path]) -> bool:
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        # Surrogates stand for names that are not UTF-8; JSON's ASCII escapes carry them.
        socket.write(json.dumps([str(path) for path in paths]).encode("ascii") + b"\n")
        while socket.bytesToWrite() and socket.waitForBytesWritten(_WAIT_MS):
            pass
        taken = socket.waitForReadyRead(int(_PATIENCE_S * 1000)) and bytes(socket.readAll().data()) == b"ok\n"
        socket.disconnectFromServer()
        return taken

    @Slot()
    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            self._sockets.append(socket)
            socket.readyRead.connect(self._read_all)
            socket.disconnected.connect(self._drop_closed)
        self._read_all()

    @Slot()
    def _drop_closed(self) -> None:
        for socket in list(self._sockets):
            if socket.state() == QLocalSocket.LocalSocketState.UnconnectedState:
                self._sockets.remove(socket)
                socket.deleteLater()

    @Slot()
    def _read_all(self) -> None:
        for socket in list(self._sockets):
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if socket.bytesAvailable() > _MOST_BYTES:
            socket.abort()
            return
        if not socket.canReadLine():
            return
        try:
            paths = [Path(text) for text in json.loads(bytes(socket.readLine().data()))]
        except (ValueError, TypeError):
            socket.abort()
            return
        socket.write(b"ok\n")
        socket.flush()
        self.paths_received.emit(paths)
