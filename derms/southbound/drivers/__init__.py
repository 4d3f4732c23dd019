"""The drivers of this product; a new one is one line here."""

from derms.southbound.contract import Driver
from derms.southbound.drivers.sunspec_modbus.driver import SunSpecModbusDriver


def build(*, timeout_s: float = 1.0, reversion_s: int = 300) -> list[Driver]:
    """Return a fresh instance of every driver.

    Args:
        timeout_s: Time-out of one request on the wire [s].
        reversion_s: A set point ends by itself after this time unless its command says [s].
    """
    return [SunSpecModbusDriver(timeout_s=timeout_s, reversion_s=reversion_s)]
