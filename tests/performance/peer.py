"""The peer of `bench_cim`: a bare spyne service of the same messages with nothing behind it.

It reads a request into objects, checks types and cardinalities as spyne does by itself, keeps the
last group in memory, and answers. No members are looked up, nothing is stored.
"""

import io
from typing import Any

from spyne import Application, Boolean, ComplexModel, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

from tests.cim.messages import BASE, ENVELOPE, FLAGS

_WRAPPER, _PROFILE = f"{BASE}DERGroupsMessage", f"{BASE}DERGroups#"
_MANY = {"max_occurs": "unbounded"}
QUERY = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    f'<q:QueryDERGroups xmlns:q="{_WRAPPER}"/></s:Body></s:Envelope>'
).encode()


def _model(type_name: str, namespace: str, /, **fields: Any) -> Any:
    members = {"__namespace__": namespace, "_type_info": list(fields.items())}
    return type(type_name, (ComplexModel,), members)


_Name = _model("Name", _PROFILE, name=Unicode)
_Device = _model("EndDevice", _PROFILE, mRID=Unicode, Names=_Name.customize(**_MANY))
_Group = _model(
    "EndDeviceGroup",
    _PROFILE,
    mRID=Unicode,
    description=Unicode,
    DERFunction=_model("DERFunction", _PROFILE, **dict.fromkeys(FLAGS, Boolean)),
    EndDevices=_Device.customize(**_MANY),
    Names=_Name.customize(**_MANY),
)
_Groups = _model("DERGroups", _PROFILE, EndDeviceGroup=_Group.customize(**_MANY))
_text = dict.fromkeys(("Verb", "Noun", "Timestamp", "MessageID", "CorrelationID"), Unicode)
_Header = _model("HeaderType", ENVELOPE, **_text)
_Error = _model("ErrorType", ENVELOPE, code=Unicode)
_Reply = _model("ReplyType", ENVELOPE, Result=Unicode, Error=_Error)
_Payload = _model("PayloadType", _WRAPPER, DERGroups=_Groups.customize(sub_ns=_PROFILE))
_Create = _model("CreateDERGroups", _WRAPPER, Header=_Header, Payload=_Payload)
_Answer = _model(
    "DERGroupsResponseMessage", _WRAPPER, Header=_Header, Reply=_Reply, Payload=_Payload
)


def _answer(message_id: str, payload: Any = None) -> Any:
    header = _Header(Verb="reply", Noun="DERGroups", MessageID="1", CorrelationID=message_id)
    return _Answer(
        Header=header, Reply=_Reply(Result="OK", Error=_Error(code="0.0")), Payload=payload
    )


class _Peer(ServiceBase):
    kept: Any = None

    @rpc(_Create, _returns=_Answer, _body_style="bare")
    def CreateDERGroups(ctx: Any, message: Any) -> Any:  # noqa: N802, N805 - spyne's way
        _Peer.kept = message.Payload
        return _answer(message.Header.MessageID)

    @rpc(_Header, _returns=_Answer, _body_style="bare")
    def QueryDERGroups(ctx: Any, message: Any) -> Any:  # noqa: N802, N805 - spyne's way
        return _answer("", _Peer.kept)


_application = WsgiApplication(
    Application([_Peer], _WRAPPER, in_protocol=Soap11(validator="soft"), out_protocol=Soap11())
)


def call(body: bytes) -> bytes:
    """Hand a request to the peer as a WSGI server would; return its reply.

    Raises:
        RuntimeError: it did not answer 200.
    """
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": "text/xml; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
    }
    reply = b"".join(_application(environ, lambda status, headers: said.append(status)))
    if not said[0].startswith("200"):
        raise RuntimeError(f"the peer said {said[0]}: {reply[:400]!r}")
    return reply


def members_kept() -> int:
    """Return how many members the last created group has."""
    return len(_Peer.kept.DERGroups.EndDeviceGroup[0].EndDevices)
