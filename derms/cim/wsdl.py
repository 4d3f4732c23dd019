"""The WSDL of a service with an address that works: the one the caller used."""

from derms.cim import names, schema
from derms.cim.markup import text
from derms.cim.operations import Operation


def service_wsdl(operations: list[Operation], address: str) -> str:
    """Return the WSDL.

    Args:
        operations: The operations of one service, at least one.
        address: URL of the service as the caller reaches it, without a query.

    Source: IEC 61968-5 WSDL set; SOAP 1.1, document/literal.
    """
    first = operations[0]
    return schema.write(
        "Service.wsdl",
        name=first.service,
        namespace=f"{names.base(first.noun)}{first.service}",
        wrapper=names.wrapper(first.messages.message),
        message=first.messages.message,
        port=f"Query{first.noun}" if first.messages.query else first.noun,
        operations=operations,
        address=address,
    )


def service_xsd(operations: list[Operation], name: str, address: str) -> str | None:
    """Return one schema file of the service, or None when it has no such file.

    Its imports point back to `?xsd=` of the same service, absolutely, because not every client
    resolves a reference that is only a query.
    """
    found = schema.documents(operations[0].messages).get(name)
    if found is None:
        return None
    return found.replace('schemaLocation="', f'schemaLocation="{text(address)}?xsd=')
