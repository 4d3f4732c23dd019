"""Every exchange of the standard against a DMS of its own: `make cim-conformance`.

`dms.py` is the DMS that asks (zeep on our WSDLs), `tests/partner/listener.py` the one that is told
(its own SOAP listener, schemas from outside when they are there); `exchanges.py` says what each
exchange must do.
"""
