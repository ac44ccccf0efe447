"""A WSGI application on a loopback port, served by daemon threads, silently."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Server"]

_HOST = "127.0.0.1"
_POLL_S = 0.05  # how soon stop() is noticed


class _QuietHandler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the commands that use the sandbox own stderr."""


class Server:
    """Serves ``application`` from construction until ``stop``; port 0 takes a free one."""

    def __init__(self, application: WSGIApplication, *, port: int = 0) -> None:
        self._server = make_server(_HOST, port, application, threaded=True, request_handler=_QuietHandler)
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,), name="sandbox", daemon=True)
        self._thread.start()

    @property
    def endpoint_url(self) -> str:
        """Where the server listens."""
        return f"http://{_HOST}:{self._server.server_port}"

    def stop(self) -> None:
        """Stop listening; requests that are being answered end with their threads."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
