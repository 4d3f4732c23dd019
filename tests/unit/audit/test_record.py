import pytest
from django.db import transaction

from derms.audit import services
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM


@pytest.mark.django_db(transaction=True)
def test_refused_command_survives_the_rollback():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.record(action="a.b", object_type="X", actor=SYSTEM)
        services.record_refused(action="a.c", object_type="X", reason="no", actor=SYSTEM)
        raise ZeroDivisionError

    row = AuditRecord.objects.get()

    assert (row.seq, row.outcome, row.action) == (1, "refused", "a.c")
    assert row.hash
