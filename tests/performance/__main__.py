"""`make bench`: runs every `bench_*.py` against real servers and prints one table of ratios.

Both sides of every ratio run in this one process, on the same data, with fsync on.
    python -m tests.performance [name ...]
"""

import importlib
import os
import sys
import time
from pathlib import Path

os.environ["DERMS_TEST_DURABLE"] = "1"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "derms.config.settings.test")

import tests.services_plugin  # noqa: F401  starts PostgreSQL and Valkey


def _line(cells: list[str]) -> str:
    widths = (46, 12, 30, 12, 8, 20, 6)
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))


def main(chosen: list[str]) -> int:
    import django
    from django.conf import settings
    from django.test.utils import get_runner, setup_test_environment

    django.setup()
    setup_test_environment()
    runner = get_runner(settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases(serialized_aliases=())
    names = sorted(p.stem for p in Path(__file__).parent.glob("bench_*.py"))
    failed = False
    try:
        print(_line(["what", "ours", "floor", "", "ratio", "goal", "held"]))
        for name in names:
            if chosen and name.removeprefix("bench_") not in chosen:
                continue
            started = time.perf_counter()
            for row in importlib.import_module(f"tests.performance.{name}").run():
                floor = f"{row.floor:.4g} {row.unit}" if row.floor is not None else ""
                ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
                held = {True: "yes", False: "NO", None: ""}[row.held]
                failed |= row.held is False
                print(_line([row.name, f"{row.ours:.4g} {row.unit}", row.floor_name, floor, ratio,
                             row.goal, held]), flush=True)  # fmt: skip
            print(f"-- {name}: {time.perf_counter() - started:.0f} s", flush=True)
    finally:
        runner.teardown_databases(databases)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
