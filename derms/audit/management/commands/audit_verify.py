"""`manage.py audit_verify`: walk the audit chain; exit status 1 when anything is wrong."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from derms.audit import services


class Command(BaseCommand):
    """Checks every record against its hash, its neighbours, the head row and the anchors."""

    help = __doc__ or ""

    def handle(self, *_args: Any, **_options: Any) -> None:
        report = services.verify()
        for fault in report.faults:
            self.stdout.write(f"{fault.kind:<10} at {fault.seq}: {fault.detail}")
        summary = (
            f"{report.records:,} records, {report.anchors:,} anchors, {report.seconds:.2f} s, "
            f"{report.records / max(report.seconds, 1e-9):,.0f} records/s"
        )
        if not report.intact:
            raise CommandError(f"The audit chain is broken: {len(report.faults)} faults; {summary}")
        self.stdout.write(self.style.SUCCESS(f"The audit chain is intact: {summary}"))
