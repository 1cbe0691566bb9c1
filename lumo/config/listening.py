"""The socket that HTTP comes in by."""

import errno
import socket

from lumo.lib.settings import Settings, SettingsError

BACKLOG = 2048  # connections that wait to be taken


def listen(settings: Settings) -> socket.socket:
    """A listening socket on LUMO_LISTEN. Raises SettingsError with the fix when there can't be one."""
    host, port = settings.host_and_port()
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        why = "another program listens there" if error.errno == errno.EADDRINUSE else f"{error.strerror or error}"
        raise SettingsError(
            f"Lumo can't listen on {settings.listen}: {why}. "
            f"Set LUMO_LISTEN to another address, such as 127.0.0.1:{port + 1}."
        ) from error
