"""An HTTP server in a thread of the engine's process, started and stopped by it."""

from __future__ import annotations

import socket
import threading

import uvicorn
from starlette.applications import Starlette

from tbie.core.errors import TbieError

_START_S = 10.0  # uvicorn needs milliseconds; ten seconds is a machine in trouble


class CannotListenError(TbieError):
    """The address cannot be listened on; choose another with --host and --port."""


class Server:
    """uvicorn on one socket.

    Raises:
        CannotListenError: somebody else has the port, or the address is not ours.
    """

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        self._started = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except (OSError, OverflowError, UnicodeError) as error:  # refused; no port; no host name
            self._socket.close()
            said = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise CannotListenError(f"cannot listen on {host}:{port}: {said}; choose another port") from error
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Listen; connections wait in the socket until the server is up."""
        self._socket.listen(128)
        self._thread.start()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Finish open requests and stop."""
        self._server.should_exit = True
        self._thread.join(_START_S)
        self._socket.close()
