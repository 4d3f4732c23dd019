"""Customers, agreements, enrolment and settlement; the room is opened by a later release."""
