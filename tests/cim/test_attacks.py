"""Bodies that want to hurt: each is answered quickly with a client fault and changes nothing."""

import base64
import gzip
import resource
import time
import zlib

import pytest
from django.db import connection

from derms.cim.models import CimMessage
from tests.cim.messages import create_groups, group, soap
from tests.cim.wss import username_token

PATH = "/61968-5/create/executeDERGroups"
GOOD = soap(create_groups(group("m", "G"))).decode()
PROLOG = '<?xml version="1.0" encoding="UTF-8"?>'
LAUGHS = '<!ENTITY a0 "lol">' + "".join(
    f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)
)


def with_doctype(inner, use=""):
    body = GOOD.replace(PROLOG, f"{PROLOG}<!DOCTYPE x [{inner}]>")
    return body.replace("<name>G</name>", f"<name>G{use}</name>").encode()


ATTACKS = {
    "doctype": with_doctype(""),
    "doctype-external": GOOD.replace(
        PROLOG, PROLOG + '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'
    ).encode(),
    "billion-laughs": with_doctype(LAUGHS, "&a11;"),
    "quadratic-blowup": with_doctype(f'<!ENTITY a "{"A" * 50_000}">', "&a;" * 50_000),
    "external-file": with_doctype('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
    "external-http": with_doctype('<!ENTITY a SYSTEM "http://127.0.0.1:9/">', "&a;"),
    "parameter-entity": with_doctype('<!ENTITY % p SYSTEM "http://127.0.0.1:9/">%p;'),
    "doctype-utf16": with_doctype("").decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    "undeclared-entity": GOOD.replace(">G<", ">&nbsp;<").encode(),
    "deep": GOOD.replace("<name>G</name>", "<a>" * 3000 + "</a>" * 3000).encode(),
    "deep-unclosed": b"<a>" * 1_000_000,
    "huge-text": GOOD.replace(">G<", f">{'G' * 11_000_000}<").encode(),
    "truncated": GOOD.encode()[:-30],
    "nul": GOOD.replace(">G<", ">G\0<").encode(),
    "overlong-utf8": GOOD.encode().replace(b">G<", b">\xc0\xaf<"),
    "lone-surrogate": GOOD.encode().replace(b">G<", b">\xed\xa0\x80<"),
    "unknown-encoding": GOOD.replace("UTF-8", "nonsense").encode(),
    "binary": bytes(range(256)) * 100,
    "html": b"<html><body>hello</body></html>",
    "json": b'{"a": 1}',
    "soap12": GOOD.replace(
        "schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope"
    ).encode(),
    "two-messages": GOOD.replace("</soapenv:Body>", "<x/></soapenv:Body>").encode(),
    "no-message": soap(""),
    "unknown-root": soap("<x xmlns='urn:x'/>"),
    "gzip-declared-nowhere": gzip.compress(GOOD.encode()),
}


def all_rows_hash():
    """Return a hash over every table but the message log and the audit trail."""
    skip = {"cim_cimmessage", "audit_auditrecord", "audit_audithead", "accounts_apiclient"}
    sums = []
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - skip):
            rows = "string_agg(t::text, chr(10) ORDER BY t::text)"
            cursor.execute(f"SELECT md5(coalesce({rows}, '')) FROM {table} t")
            sums.append((table, cursor.fetchone()[0]))
    return sums


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_draws_a_client_fault_and_changes_nothing(dms_client, name):
    before = all_rows_hash()
    started = time.perf_counter()

    response = dms_client.raw(PATH, ATTACKS[name])

    assert time.perf_counter() - started < 2
    assert response.status_code == 500
    assert response["Content-Type"] == "text/xml; charset=utf-8"
    assert b"<soap:Fault>" in response.content
    assert b"<faultcode>soap:Server" not in response.content
    assert b"DERGroupsFaultMessage" in response.content
    assert b"root:" not in response.content
    assert b"Traceback" not in response.content
    assert all_rows_hash() == before
    assert CimMessage.objects.get().result == "FAULT"


def test_empty_body_and_missing_length(dms_client):
    empty = dms_client.http.post(PATH, b"", content_type="text/xml", CONTENT_LENGTH="0")
    unknown = dms_client.http.post(PATH, b"", content_type="text/xml")

    assert (empty.status_code, b"<soap:Fault>" in empty.content) == (500, True)
    assert (unknown.status_code, b"<soap:Fault>" in unknown.content) == (411, True)


def test_fifty_thousand_attributes_are_merely_not_valid(dms_client):
    attributes = " ".join(f'a{i}="1"' for i in range(50_000))

    said = dms_client.post(
        "create/executeDERGroups",
        create_groups(group("m", "G")).replace("<name>", f"<name {attributes}>"),
    )

    assert (said.status, said.result, said.codes) == (200, "FAILED", ["1.8"])


def test_fault_validates_against_the_schemas(dms_client):
    said = dms_client.post("create/executeDERGroups", b"<oops")

    assert (said.status, said.result) == (500, "FAILED")
    (error,) = said.errors
    assert (error["code"], error["level"]) == ("1.8", "FATAL")
    assert error["reason"]
    assert error["details"].startswith("The XML cannot be read")


def test_soap_version_and_must_understand_have_their_own_fault_codes(dms_client):
    header = (
        '<soapenv:Header><w:Security xmlns:w="urn:w" soapenv:mustUnderstand="1"/></soapenv:Header>'
    )

    version = dms_client.raw(PATH, ATTACKS["soap12"])
    header_block = dms_client.raw(PATH, GOOD.replace("<soapenv:Header/>", header).encode())

    assert b"<faultcode>soap:VersionMismatch</faultcode>" in version.content
    assert b"<faultcode>soap:MustUnderstand</faultcode>" in header_block.content


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x-gzip"])
def test_gzip_bomb_is_refused_unopened(dms_client, coding):
    bomb = gzip.compress(b" " * 50_000_000)

    response = dms_client.raw(PATH, bomb, **{"Content-Encoding": coding})

    assert response.status_code == 415
    assert b"<soap:Fault>" in response.content


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/soap+xml", "multipart/form-data; boundary=x", "text/plain"],
)
def test_wrong_media_type_is_refused(dms_client, content_type):
    response = dms_client.raw(PATH, GOOD.encode(), content_type=content_type)

    assert response.status_code == 415
    assert b"<soap:Fault>" in response.content


def test_more_than_the_limit_is_refused(dms_client, settings):
    settings.CIM_MAX_BODY_BYTES = len(GOOD)

    fits = dms_client.raw(PATH, GOOD.encode())
    refused = dms_client.raw(PATH, GOOD.replace(">G<", ">Long name<").encode())

    assert fits.status_code == 200
    assert refused.status_code == 413
    assert b"<m:code>3.1</m:code>" in refused.content


def test_message_of_just_under_the_limit_is_read(dms_client, settings):
    filler = "<EndDevices><mRID>x</mRID></EndDevices>" * 800_000
    body = soap(create_groups(group("m", "G").replace("<Names>", filler + "<Names>")))
    assert 30_000_000 < len(body) < settings.CIM_MAX_BODY_BYTES

    response = dms_client.raw(PATH, body)

    assert response.status_code == 200
    assert b"<m:code>6.1</m:code>" in response.content  # unknown device


def test_reply_and_log_survive_characters_xml_cannot_carry(dms_client):
    name = "G ]]&gt; &lt;b&gt; &amp; &quot; ' \N{RIGHT-TO-LEFT OVERRIDE} \N{GRINNING FACE} =cmd()"

    said = dms_client.post("create/executeDERGroups", create_groups(group("", name)))
    again = dms_client.post("create/executeDERGroups", create_groups(group("", name)))

    assert said.texts("name") == [
        "G ]]> <b> & \" ' \N{RIGHT-TO-LEFT OVERRIDE} \N{GRINNING FACE} =cmd()"
    ]
    assert again.errors[0]["id"] == said.texts("name")[0]


@pytest.mark.django_db(transaction=True)
def test_hundred_megabytes_leave_memory_flat(dms_client, live_server):
    import http.client

    host, port = live_server.url.removeprefix("http://").split(":")
    authorization = dms_client.persona.defaults["HTTP_AUTHORIZATION"]
    connection_ = http.client.HTTPConnection(host, int(port), timeout=60)
    size, piece = 100 * 2**20, b" " * 2**16
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    connection_.putrequest("POST", PATH)
    for key, value in {
        "Authorization": authorization,
        "Content-Type": "text/xml",
        "Content-Length": str(size),
    }.items():
        connection_.putheader(key, value)
    connection_.endheaders()
    for _ in range(size // len(piece)):
        connection_.send(piece)
    response = connection_.getresponse()
    body = response.read()
    connection_.close()

    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert response.status == 413
    assert b"<m:code>3.1</m:code>" in body
    assert grown_mib < 40


def test_stored_bodies_are_the_bytes_on_the_wire(dms_client):
    response = dms_client.raw(PATH, GOOD.encode())

    stored = CimMessage.objects.get()
    assert zlib.decompress(stored.request_body) == GOOD.encode()
    assert zlib.decompress(stored.reply_body) == response.content


CREDENTIALS = {
    "not base64": "Basic \xe9\xe9\xe9\xe9",
    "NUL in the name": "Basic " + base64.b64encode(b"a\0b:c").decode(),
    "not UTF-8": "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    "no colon": "Basic " + base64.b64encode(b"abc").decode(),
    "nothing": "Basic",
    "long": "Basic " + base64.b64encode(b"a" * 50_000 + b":b").decode(),
    "Bearer NUL": "Bearer a\0b.c",
    "Bearer foreign letters": "Bearer \xe9.\xe9",
    "Bearer dots": "Bearer ....",
    "two schemes": "Basic Basic YTpi",
}


@pytest.mark.parametrize("name", CREDENTIALS)
@pytest.mark.parametrize("path", [PATH, "/cim", "/api/v1/groups"])
def test_odd_credentials_are_refused_and_break_nothing(client, db, name, path):
    response = client.post(
        path, GOOD.encode(), content_type="text/xml", HTTP_AUTHORIZATION=CREDENTIALS[name]
    )

    assert response.status_code == 401


def test_a_username_that_postgresql_cannot_carry(client, db):
    for name in ("\N{SNOWMAN}" * 300, "a" * 100_000, "'; DROP TABLE x; --"):
        sent = username_token(GOOD.replace(PROLOG, "").encode(), name, "x")
        response = client.post(PATH, sent, content_type="text/xml")
        assert (response.status_code, b"<m:code>7.4" in response.content) == (500, True)
