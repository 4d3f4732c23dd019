"""REST door of the audit chain: search and verification."""
