"""The drivers this process knows, by protocol name."""

from derms.core.errors import NotFoundError
from derms.southbound.contract import Driver

_drivers: dict[str, Driver] = {}


def register(driver: Driver) -> None:
    """Make a driver known.

    Raises:
        TypeError: it does not keep the contract.
        ValueError: its protocol is taken.
    """
    if not isinstance(driver, Driver):
        raise TypeError(f"{driver!r} does not keep the driver contract")
    if driver.protocol in _drivers:
        raise ValueError(f"a driver for {driver.protocol} is already registered")
    _drivers[driver.protocol] = driver


def get(protocol: str) -> Driver:
    """Return the driver of a protocol.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return _drivers[protocol]
    except KeyError:
        raise NotFoundError(f"No driver speaks {protocol!r}.", code="unknown_protocol") from None


def protocols() -> list[str]:
    """Return the registered protocol names, sorted."""
    return sorted(_drivers)
