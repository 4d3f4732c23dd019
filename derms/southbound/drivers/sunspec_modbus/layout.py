"""Where a device keeps its SunSpec models, its static scale factors and its limits.

Read once per connection and cached with it; for the SunSpec driver.

Source: SunSpec Device Information Model Specification 1.1 section 6.2 (base addresses, chaining).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from derms.southbound.contract import SettingsReading
from derms.southbound.drivers.sunspec_modbus import codec
from derms.southbound.drivers.sunspec_modbus.channel import Channel, RefusedError
from derms.southbound.drivers.sunspec_modbus.codec import BadReplyError, Block

BASES = (40000, 50000, 0)
MAX_MODELS = 100
MAX_READ = 125
MAX_GAP = 24
"""Registers read for nothing so that two blocks fit one request."""

Raw = dict[str, int | str | None]


@dataclass(slots=True)
class Layout:
    """The register map of one device.

    Attributes:
        places: Model id -> (address of its ID register, its length L).
        scales: Model id -> static scale factors.
        settings: What the device is set to (model 702); None without that model.
        has_storage: It has a storage model (713).
    """

    places: dict[int, tuple[int, int]]
    scales: dict[int, dict[str, int]] = field(default_factory=dict)
    settings: SettingsReading | None = None

    @property
    def has_storage(self) -> bool:
        """Whether the device has a storage model."""
        return 713 in self.places

    def holds(self, span: Block) -> bool:
        """Whether the device has the model, long enough for the block."""
        place = self.places.get(span.model)
        return place is not None and span.offset + span.size <= place[1] + 2


async def scan(channel: Channel) -> Layout:
    """Find the SunSpec map of a device: `SunS`, then the chain of models.

    Raises:
        DriverError: no answer, or no SunSpec map at any of the three base addresses.
    """
    for base in BASES:
        try:
            marker = await channel.read(base, 2)
        except RefusedError:
            continue
        if tuple(marker) == codec.SUNS:
            return await _walk(channel, base + 2)
    raise BadReplyError("there is no SunSpec map at 40000, 50000 or 0", code="not_sunspec")


async def _walk(channel: Channel, address: int) -> Layout:
    places: dict[int, tuple[int, int]] = {}
    for _ in range(MAX_MODELS):
        model, length = await channel.read(address, 2)
        if model == codec.END_MODEL:
            break
        if length == 0 or address + 2 + length > 0xFFFF:
            raise BadReplyError(f"model {model} claims a length of {length}")
        places.setdefault(model, (address, length))
        address += 2 + length
    else:
        raise BadReplyError(f"more than {MAX_MODELS} models: the chain has no end")
    if 701 not in places and 103 not in places:
        raise BadReplyError("the device has neither model 701 nor 103", code="no_measurement_model")
    return Layout(places)


def requests_for(layout: Layout, spans: Sequence[Block]) -> list[tuple[int, int, list[Block]]]:
    """Join neighbouring blocks into as few reads as possible.

    Returns:
        (address, count, blocks inside) per request.
    """
    requests: list[tuple[int, int, list[Block]]] = []
    for span in sorted(spans, key=lambda s: layout.places[s.model][0] + s.offset):
        start = layout.places[span.model][0] + span.offset
        if requests:
            address, count, inside = requests[-1]
            joined = start + span.size - address
            if joined <= MAX_READ and start - (address + count) <= MAX_GAP:
                requests[-1] = (address, max(count, joined), [*inside, span])
                continue
        requests.append((start, span.size, [span]))
    return requests


async def read_registers(
    channel: Channel, layout: Layout, spans: Sequence[Block]
) -> dict[Block, list[int]]:
    """Read blocks in as few requests as possible.

    Raises:
        DriverError: any of the requests failed.
    """
    found: dict[Block, list[int]] = {}
    for address, count, inside in requests_for(layout, spans):
        registers = await channel.read(address, count)
        for span in inside:
            start = layout.places[span.model][0] + span.offset - address
            found[span] = registers[start : start + span.size]
    return found


async def read_raw(channel: Channel, layout: Layout, spans: Sequence[Block]) -> dict[int, Raw]:
    """Read blocks and decode them without scale factors: model id -> raw values.

    Raises:
        DriverError: a request failed, or a reply cannot be true.
    """
    blocks = await read_registers(channel, layout, spans)
    raw = {span.model: codec.decode_raw(span, registers) for span, registers in blocks.items()}
    for model, values in raw.items():
        if "ID" in values:
            codec.check_header(model, layout.places[model][1], values)
    return raw


async def read_scales(channel: Channel, layout: Layout) -> None:
    """Read the static scale factors of the models that keep them apart (701, 704).

    Raises:
        DriverError: a request failed, or a scale factor cannot be true.
    """
    spans = [codec.block(model, *codec.scale_names(model)) for model in (701, 704)]
    spans = [span for span in spans if layout.holds(span)]
    for span, registers in (await read_registers(channel, layout, spans)).items():
        layout.scales[span.model] = codec.decode_scales(span, registers)
