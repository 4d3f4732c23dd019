"""Write audit records; verify and anchor the chain."""

from derms.audit.services.recording import Change, collecting, kept, record, record_refused
from derms.audit.services.verification import VerifyReport, anchor, verify

__all__ = [
    "Change",
    "VerifyReport",
    "anchor",
    "collecting",
    "kept",
    "record",
    "record_refused",
    "verify",
]
