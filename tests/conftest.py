"""Fixtures of every test: the database's guards loosened for cleaning up, and the personas."""

from collections.abc import Generator

import pytest
from django.db import connection
from pytest_django.plugin import blocking_manager_key

from tests.personas import *  # noqa: F403 - one fixture for each persona

_LOOSEN = """
ALTER TABLE audit_auditrecord DISABLE TRIGGER audit_no_truncate;
ALTER TABLE audit_audithead DISABLE TRIGGER audit_head_no_truncate;
"""
_used = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker, request):
    """Let transactional tests empty the audit tables, which the product refuses."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(_LOOSEN)
    request.config.stash[_used] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Remove refused-command records: they outlive the rollback that ends an ordinary test."""
    yield
    if nextitem is None or not item.config.stash.get(_used, default=False):
        return
    with item.config.stash[blocking_manager_key].unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_auditrecord)")
        if cursor.fetchone()[0]:
            cursor.execute("TRUNCATE audit_auditrecord, audit_audithead")
