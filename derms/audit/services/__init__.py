"""Write audit records; verify and anchor the chain."""

from derms.audit.services.recording import record, record_refused
from derms.audit.services.verification import VerifyReport, anchor, verify

__all__ = ["VerifyReport", "anchor", "record", "record_refused", "verify"]
