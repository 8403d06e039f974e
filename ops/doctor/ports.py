"""Whether the service's address is free, or ours."""

import http.client
import socket
from contextlib import closing, suppress

from config.schema import Service
from ops.desk.lockfile import holder
from ops.doctor.finding import Checked, fine, problem

TIMEOUT_S = 2.0
ALIVE = b'{"alive":true}'


def check(service: Service) -> Checked:
    """Try to take the address, and let go of it again."""
    said = holder(service.data_dir / "lock")
    if said is not None and said.http and answers(said.http):
        return fine("port", f"the service runs, and answers at http://{said.http}")
    family = socket.AF_INET6 if ":" in service.http_host else socket.AF_INET
    try:
        socket.create_server((service.http_host, service.http_port), family=family).close()
    except OSError as error:
        if answers(service.http):
            what = f"a service answers at {service.http}, and it cannot be told whose"
            mend = "run this as the user of the service; of another one, take another port"
            return problem("port", what, "the service would not start", mend)
        what = f"{service.http} cannot be used: {error.strerror}"
        mend = "end whoever uses it, or choose another port in [service] http"
        return problem("port", what, "the service would not start", mend)
    return fine("port", f"{service.http} is free")


def answers(address: str) -> bool:
    """Tell whether a service of ours answers there."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=TIMEOUT_S)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/livez")
        return connection.getresponse().read() == ALIVE
    return False
