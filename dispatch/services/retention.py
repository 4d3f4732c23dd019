"""Forget samples of dispatches; the dispatches and their timelines stay."""

import datetime as dt

from django.conf import settings

from derms.core import clock
from dispatch.models import DispatchSample


def forget_samples() -> int:
    """Delete samples older than DERMS_DISPATCH_SAMPLE_DAYS; return how many."""
    oldest = clock.now() - dt.timedelta(days=settings.DISPATCH_SAMPLE_DAYS)
    count, _ = DispatchSample.objects.filter(at__lt=oldest).delete()
    return count
