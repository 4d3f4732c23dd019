"""`python -m derms.config.healthcheck`: exit 0 when this machine's web process can serve."""

import http.client
import os
import sys


def is_ready() -> bool:
    """Ask /health/ready under the first name we answer to."""
    port = int(os.environ.get("DERMS_PORT", "8000"))
    name = os.environ.get("DERMS_ALLOWED_HOSTS", "127.0.0.1").partition(",")[0]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/health/ready", headers={"Host": name})
        return connection.getresponse().status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
