"""What keeps other sites and other people out: checked before anything else is read of a request."""

import contextlib
import secrets
from collections.abc import Collection
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing comes from elsewhere, and nothing that a song says can run.
_CONTENT_SECURITY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a token stands in the address
    "Cross-Origin-Resource-Policy": "same-origin",
}


class _TooLargeError(Exception):
    pass


class Guard:
    """Wraps an application, and refuses requests from elsewhere and those that are too large.

    A page of another site can send requests to this machine, and by a name of its own for it (DNS rebinding) read the
    answers. So `Host` must be one of this server's names, and `Origin`, where a browser sends it, the same place. With
    a token any name will do, for the token is known to none but those who were told.

    Args:
        app: the application.
        hosts: names with ports that requests may use, in small letters.
        token: what requests for anything but the page must bring. Defaults to `None`: nothing.
        most_bytes: of the body of a request.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], token: str | None = None, most_bytes: int = 1 << 24):
        self.app = app
        self.hosts = hosts
        self.token = token
        self.most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None
        started, read = False, 0

        async def send_secured(message: Message) -> None:
            nonlocal started
            if read > self.most_bytes and not started:
                return  # what the application makes of half a request
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        headers = Headers(scope=scope)
        problem = self._problem(scope, headers)
        if problem is not None:
            status, text = problem
            return await _refuse(status, text)(scope, receive, send_secured)

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most_bytes:
                raise _TooLargeError
            return message

        with contextlib.suppress(_TooLargeError):
            await self.app(scope, receive_counted, send_secured)
        if read > self.most_bytes and not started:
            read = 0
            await _refuse(413, self._too_large)(scope, receive, send_secured)

    def _problem(self, scope, headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return 400, "A request names one Host"
        host = hosts[0].lower()
        if self.token is None and host not in self.hosts:
            return 403, f"This server goes by {' or '.join(sorted(self.hosts))}"
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host}":
            return 403, "Requests come from the studio's own page"
        if self.token is not None and not self._is_open(scope["path"]):
            query = parse_qs(scope["query_string"].decode("latin-1"))
            given = headers.get("x-token") or query.get("token", [""])[0]
            if not secrets.compare_digest(given.encode(), self.token.encode()):
                return 401, "A token is needed: open the address that the studio has printed"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.most_bytes:
            return 413, self._too_large
        return None

    def _is_open(self, path):
        return path == "/" or path.startswith(("/page/", "/web/"))

    @property
    def _too_large(self):
        return f"At most {self.most_bytes >> 20} MiB"


def _refuse(status, text):
    # What follows of the request is not read.
    return JSONResponse({"error": text}, status, {"Connection": "close"})
