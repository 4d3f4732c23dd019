"""`python -m tests.conformance`: a DERMS, its partners, every exchange, and a table of them.

Exit status 0 only when every exchange was held and every operation of the product's table was
exercised in its direction.
"""

import sys
import tempfile
import time
import traceback
from pathlib import Path

from derms.cim.operations import OPERATIONS
from tests.certificates import Pair, pair
from tests.conformance.dms import Dms, Person
from tests.conformance.exchanges import EXCHANGES, Exchange, World
from tests.partner.client import Listener
from tests.runtime.system import System, credentials

SUBSCRIBED = {
    "DERGroups": {},
    "DERGroupStatuses": {"change_w": 1.0, "min_interval_s": 1.0},
    "DERGroupForecasts": {"period_s": 10.0},
    "EndDeviceEvents": {},
    "MeterReadings": {"period_s": 10.0},
}


def subscribe(engineer: Person, listener: Listener, client_id: str) -> None:
    """Make the DMS a partner that is told everything."""
    partner = engineer.ask("POST", "partners", {
        "client_id": client_id, "name": "Conformance DMS", "base_url": listener.url,
        "reply_addresses": [f"{listener.url}/replies"],
    })  # fmt: skip
    for noun, more in SUBSCRIBED.items():
        engineer.ask("POST", f"partners/{partner['mrid']}/subscriptions", {"noun": noun, **more})


def trust(admin: Person, client_id: str) -> Pair:
    """Register a certificate of the DMS and allow it digests of its password."""
    signer = pair("dms.example")
    found = admin.ask("GET", "api-clients")
    mrid = next(each["mrid"] for each in found["results"] if each["client_id"] == client_id)
    admin.ask("POST", f"api-clients/{mrid}/certificates", {"pem": signer.pem})
    policy = {"demands": [], "signs_replies": False, "password_digest": True}
    admin.ask("PUT", f"api-clients/{mrid}/policy", policy)
    return signer


def batteries(dms: Dms, count: int) -> list[str]:
    """Return mRIDs of simulated batteries."""
    said = dms.session.get(f"{dms.address}/api/v1/devices/columns", timeout=30).json()["columns"]
    pairs = zip(said["mrid"], said["kind"], strict=True)
    return [mrid for mrid, kind in pairs if kind == "battery"][:count]


def world_of(system: System, listener: Listener) -> World:
    address, known = system.state["address"], credentials(system)
    people = {user["username"]: user["password"] for user in known["users"]}
    dms = Dms(address, known["dms"]["client_id"], known["dms"]["secret"])
    other = Dms(address, known["aggregator"]["client_id"], known["aggregator"]["secret"])
    engineer = Person(address, "engineer", people["engineer"])
    subscribe(engineer, listener, known["dms"]["client_id"])
    operator = Person(address, "operator", people["operator"])
    owners = engineer.ask("GET", "organisations")["results"]
    owner = next(each["mrid"] for each in owners if each["name"] == "Sample aggregator")
    theirs = engineer.ask("POST", "devices", {
        "name": "Meter of the aggregator", "kind": "load", "owner": owner,
        "nameplate": {"rated_w": 5000.0, "rated_va": 5000.0},
    })  # fmt: skip
    admin = Person(address, "admin", people["admin"])
    signer = trust(admin, known["dms"]["client_id"])
    return World(dms, other, operator, listener, batteries(dms, 6), theirs["mrid"], signer)


def try_one(world: World, one: Exchange) -> str:
    """Run an exchange; returns what went wrong, or nothing."""
    try:
        one.run(world)
    except AssertionError as error:
        return str(error) or traceback.format_exc(limit=-1)
    except Exception:  # noqa: BLE001 - the table names it, the others go on
        return traceback.format_exc(limit=-3)
    return ""


def missing() -> set[str]:
    """Return the operations of the table that no exchange exercised."""
    done = {(one.operation, one.sender) for one in EXCHANGES}
    ours = {(o.name, "DERMS") for o in OPERATIONS if o.is_event}
    asked = {(o.name, "DMS") for o in OPERATIONS if not o.is_event}
    told = {(o.name, "party") for o in OPERATIONS if o.is_event}
    return {f"{name} ({sender})" for name, sender in (ours | asked | told) - done}


def main() -> int:
    failures = 0
    with tempfile.TemporaryDirectory() as folder, Listener() as listener:
        system = System(Path(folder) / "var")
        system.environment["DERMS_SIMULATED_DEVICES"] = "60"
        with system.start():
            world = world_of(system, listener)
            print(f"{'operation':32}{'from':8}{'what':58}{'ms':>7}  held", flush=True)
            for one in EXCHANGES:
                started = time.perf_counter()
                fault = try_one(world, one)
                took = (time.perf_counter() - started) * 1e3
                verdict = "NO" if fault else "yes"
                print(f"{one.operation:32}{one.sender:8}{one.what:58}{took:7.0f}  {verdict}",
                      flush=True)  # fmt: skip
                if fault:
                    failures += 1
                    print(f"    {fault}", flush=True)
    for name in sorted(missing()):
        print(f"{name}: no exchange")
    print(f"{len(EXCHANGES) - failures} of {len(EXCHANGES)} exchanges held")
    return 1 if failures or missing() else 0


if __name__ == "__main__":
    sys.exit(main())
