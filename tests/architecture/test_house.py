"""The rules of the house that a program can check."""

import re
import shutil
import subprocess
import sys
import tomllib
from io import StringIO
from pathlib import Path

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from derms.config.processes import QUEUES

ROOT = Path(__file__).resolve().parents[2]
_READER = re.compile(r'\benv_(?:str|bool|int|float|list|url)\(\s*"(\w+)"')
# Read before Django's settings exist, straight from the environment.
_EARLY = re.compile(r'os\.environ(?:\.get)?[\[(]\s*"(DERMS_\w+)"')


def _settings_read() -> set[str]:
    base = (ROOT / "derms/config/settings/base.py").read_text()
    early = "".join(path.read_text() for path in (ROOT / "derms").rglob("*.py"))
    return set(_READER.findall(base)) | set(_EARLY.findall(early))


@pytest.fixture
def tree(tmp_path):
    """A copy of the packages, to put mistakes into."""
    for package in ("derms", "groups", "dispatch", "forecasting", "customers"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_keep_to_the_ladder():
    linted = _lint(ROOT)

    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("file", "wrong", "contract"),
    [
        ("derms/devices/rules/__init__.py", "import groups.services", "Rooms"),
        ("groups/rules/__init__.py", "import django.db", "Pure modules"),
        ("groups/api/__init__.py", "import groups.models", "Doors"),
        ("dispatch/services/__init__.py", "import groups.models", "groups.models stays"),
        ("dispatch/services/__init__.py", "import rest_framework", "Only api knows DRF"),
        ("dispatch/services/__init__.py", "import derms.southbound.drivers", "loads drivers"),
        ("derms/southbound/simulator/__init__.py", "import derms.southbound.drivers", "share no"),
        ("derms/misc/__init__.py", "", "exactly these rooms"),
    ],
)
def test_a_wrong_import_or_room_is_refused(tree, file, wrong, contract):
    path = tree / file
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + f"\n{wrong}\n")

    linted = _lint(tree)

    broken = [line for line in linted.stdout.splitlines() if " BROKEN" in line]
    assert any(contract in line for line in broken), linted.stdout


def test_tables_of_every_room_are_private():
    house = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    private = {m for c in house["contracts"] for m in c.get("protected_modules", [])}
    with_tables = {app.models_module.__name__ for app in apps.get_app_configs() if _ours(app)}

    assert with_tables
    assert with_tables <= private


def _ours(app) -> bool:
    return app.models_module is not None and Path(app.path).is_relative_to(ROOT / ".venv") is False


def test_no_migration_is_missing(db):
    out = StringIO()

    call_command("makemigrations", check=True, dry_run=True, stdout=out)

    assert "No changes detected" in out.getvalue()


def test_every_setting_is_documented_and_listed():
    read = _settings_read()
    documented = set(
        re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/configuration.md").read_text(), re.M)
    )
    listed = set(re.findall(r"^#?(\w+)=", (ROOT / "deploy/env.example").read_text(), re.M))

    assert len(read) > 30
    assert documented == read
    assert {name.removesuffix("_FILE") for name in listed} == read


def test_every_beat_entry_names_a_known_task_and_expires():
    current_app.loader.import_default_modules()

    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        assert entry["task"] in current_app.tasks, name
        assert entry["options"]["expires"] > 0, name


def test_every_task_has_a_worker_for_its_queue():
    router = current_app.amqp.router
    current_app.loader.import_default_modules()
    ours = [name for name in current_app.tasks if not name.startswith("celery.")]

    for name in ours:
        queue = router.route({}, name)["queue"].name
        assert queue in QUEUES, name


def test_no_registry_address_in_a_lock_file():
    locks = [*ROOT.glob("requirements/*.txt"), ROOT / "frontend/package-lock.json"]

    assert len(locks) == 5
    for lock in locks:
        assert "registry" not in lock.read_text(), lock
        assert not re.search(r'"resolved"|https?://[^ ]*(pypi|simple)', lock.read_text()), lock
