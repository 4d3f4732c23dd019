"""Fixtures of every test: the database's guards loosened for cleaning up, and the personas."""

import pytest
from django.db import connection

_LOOSEN = """
ALTER TABLE audit_auditrecord DISABLE TRIGGER audit_no_truncate;
ALTER TABLE audit_audithead DISABLE TRIGGER audit_head_no_truncate;
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Let transactional tests empty the audit tables, which the product refuses."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(_LOOSEN)


@pytest.fixture(autouse=True)
def _no_audit_left_behind(request, django_db_blocker):
    """Remove refused-command records: they outlive the rollback that ends an ordinary test."""
    yield
    if "_django_db_helper" in request.fixturenames and "django_db_setup" in request.fixturenames:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_auditrecord)")
            if cursor.fetchone()[0]:
                cursor.execute("TRUNCATE audit_auditrecord, audit_audithead")
