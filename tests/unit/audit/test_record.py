import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derms.audit import services
from derms.audit.models import AuditRecord
from derms.audit.rules.record import rest_of
from derms.core.actors import SYSTEM


@pytest.mark.django_db(transaction=True)
def test_refused_command_survives_the_rollback():
    with transaction.atomic():
        services.record(action="a.b", object_type="X", actor=SYSTEM)
        services.record_refused(action="a.c", object_type="X", reason="no", actor=SYSTEM)
        transaction.set_rollback(True)

    row = AuditRecord.objects.get()

    assert (row.seq, row.outcome, row.action) == (1, "refused", "a.c")
    assert rest_of(row.payload)["after"] == {"reason": "no"}


@pytest.mark.django_db
@given(text=st.text(), value=st.recursive(st.none() | st.floats() | st.text(), st.lists))
@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
def test_any_text_at_all_is_recorded_and_still_verifies(text, value):
    with transaction.atomic():
        services.record(
            action=text, object_type=text, object_mrid=text * 50, after=value, actor=SYSTEM
        )

    report = services.verify()
    assert [fault for fault in report.faults if fault.kind != "unsealed"] == []
