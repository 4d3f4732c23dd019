"""The end of a partner, when its API client has retired: nothing is sent to it any more."""

from django.db import transaction

from derms.audit.services import record
from derms.cim.choices import PushState
from derms.cim.models import DeferredRequest, OutboundMessage, Partner
from derms.cim.push.settling import clear_alarms
from derms.core import clock
from derms.core.actors import SYSTEM


def retire_partner(*, client_mrid: str, client_id: str, retired_by: str) -> None:
    """Switch the partner of a retired client off, and its subscriptions with it.

    What still waits for it is discarded, and requests of its own that were put off are forgotten;
    the rest stays for the log. Source: docs/adr/0064.

    Args:
        client_mrid: mRID of the API client.
        client_id: Its login, for the audit record.
        retired_by: Who retired it.
    """
    with transaction.atomic():
        partner = Partner.objects.select_for_update().filter(client__mrid=client_mrid).first()
        if partner is None:
            return
        partner.enabled = False
        partner.revision += 1
        partner.modified_at = clock.now()
        partner.save(update_fields=["enabled", "revision", "modified_at"])
        ended = partner.subscriptions.filter(active=True).update(active=False)
        given_up = OutboundMessage.objects.filter(
            partner=partner, state__in=(PushState.WAITING, PushState.PARKED)
        ).update(
            state=PushState.DISCARDED,
            finished_at=clock.now(),
            body=b"",
            last_error="Discarded: the API client has retired.",
        )
        forgotten, _ = DeferredRequest.objects.filter(partner=partner).delete()
        clear_alarms(partner)
        record(
            action="cim.retire_partner",
            object_type="Partner",
            object_mrid=partner.mrid,
            after={
                "name": partner.name,
                "client_id": client_id,
                "retired_by": retired_by,
                "subscriptions": ended,
                "messages_discarded": given_up,
                "requests_forgotten": forgotten,
            },
            actor=SYSTEM,
        )
