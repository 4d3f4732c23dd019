"""Who sent a message by its UsernameToken: good ones, bad ones, and ones played back."""

import base64
import os
import zlib

import pytest
from django.test import Client
from lxml import etree

from derms.accounts.models import ApiClient
from derms.cim.models import CimMessage
from groups.models import DerGroup
from tests.cim.messages import asked, query, soap
from tests.cim.trusting import assert_refused, code_of, demand, details_of, message, post
from tests.cim.wss import at, username_token


def test_password_in_the_message_lets_the_client_in(dms):
    response = post(username_token(message(), dms.client_id, dms.secret))

    assert (response.status_code, code_of(response)) == (200, "0.0")
    assert CimMessage.objects.get().client_name == dms.client_id


def test_password_is_hidden_in_the_log_and_nothing_else(dms):
    sent = username_token(message(), dms.client_id, dms.secret)
    post(sent)

    kept = CimMessage.objects.get()
    body = zlib.decompress(kept.request_body)
    assert dms.secret.encode() not in body
    assert body == sent.replace(dms.secret.encode(), b"*" * len(dms.secret))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_password_is_hidden_however_it_is_written(dms, encoding):
    text = username_token(message(), dms.client_id, dms.secret).decode()
    written = f"<![CDATA[{dms.secret[:9]}]]>{dms.secret[9:]}"
    sent = text.replace(f">{dms.secret}<", f">{written}<")
    response = post(f'<?xml version="1.0" encoding="{encoding}"?>{sent}'.encode(encoding))

    assert response.status_code == 200
    body = zlib.decompress(CimMessage.objects.get().request_body)
    for shown in (body, body.decode("utf-16", "ignore").encode()):
        assert dms.secret[:9].encode() not in shown
        assert dms.secret[9:].encode() not in shown


BROKEN = {
    "plainly": "<wsse:Password>{0}</wsse:Password>",
    "in CDATA": "<wsse:Password><![CDATA[{0}]]></wsse:Password>",
    "cut off": "<wsse:Password>{0}",
    "with a stray sign": "<wsse:Password>a<b{0}</wsse:Password>",
    "with an attribute": "<Password Type='x'>{0}</Password>",
}


@pytest.mark.parametrize("how", BROKEN)
def test_password_of_a_message_nobody_can_read_is_hidden(dms, how):
    sent = f"<a><wsse:Username>u</wsse:Username>{BROKEN[how].format(dms.secret)}".encode()

    assert post(sent, dms.defaults["HTTP_AUTHORIZATION"]).status_code == 500

    kept = zlib.decompress(CimMessage.objects.get().request_body)
    assert dms.secret.encode() not in kept
    assert kept.startswith(b"<a><wsse:Username>u</wsse:Username>")


def test_password_in_the_clear_needs_tls(dms, settings):
    settings.CIM_PLAIN_PASSWORD = False
    sent = username_token(message(), dms.client_id, dms.secret)

    assert_refused(post(sent), "7.6", "needs TLS")
    assert post(sent, secure=True).status_code == 200


def test_digest_over_what_we_keep(dms):
    demand(dms, password_digest=True)
    kept = ApiClient.objects.get(client_id=dms.client_id).secret_sha256
    nonce = base64.b64encode(os.urandom(16)).decode()

    sent = username_token(message(), dms.client_id, kept, digest=True, nonce=nonce, created=at())

    assert post(sent).status_code == 200


def test_digest_only_where_the_policy_allows_it(dms):
    kept = ApiClient.objects.get(client_id=dms.client_id).secret_sha256
    nonce = base64.b64encode(os.urandom(16)).decode()

    sent = username_token(message(), dms.client_id, kept, digest=True, nonce=nonce, created=at())

    assert_refused(post(sent), "7.4", "not valid", "wsse:FailedAuthentication")


def test_zeep_sends_both_kinds(dms):
    from zeep.wsse.username import UsernameToken

    demand(dms, password_digest=True)
    kept = ApiClient.objects.get(client_id=dms.client_id).secret_sha256
    text = UsernameToken(dms.client_id, dms.secret)
    digest = UsernameToken(dms.client_id, kept, use_digest=True)
    for name, token in (("T", text), ("D", digest)):
        envelope, _ = token.apply(etree.fromstring(message(name)), {})
        assert post(etree.tostring(envelope)).status_code == 200
    assert DerGroup.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"password": "wrong"}, "7.4", "not valid"),
        ({"username": "nobody"}, "7.4", "not valid"),
        ({"created": at(-3600)}, "7.7", "s behind our clock; 300 s are tolerated"),
        ({"created": at(900)}, "7.7", "s ahead of our clock"),
        ({"created": "yesterday"}, "7.7", "is no date"),
        ({"digest": True, "nonce": "AAAA"}, "7.4", "needs Nonce and Created"),
    ],
)
def test_bad_username_tokens(dms, change, code, said):
    values = {"username": dms.client_id, "password": dms.secret} | change

    assert_refused(post(username_token(message(), **values)), code, said)


def test_nonce_counts_once(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    first = post(username_token(message("A"), **token))
    second = post(username_token(message("B"), **token))

    assert code_of(first) == "0.0"
    assert code_of(second) == "7.7"
    assert "nonce was used before" in details_of(second)
    assert DerGroup.objects.get().name == "A"


def test_the_same_bytes_again_get_the_stored_reply(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    sent = username_token(message(), **token)

    assert post(sent).content == post(sent).content
    assert CimMessage.objects.get().replays == 1


def test_played_back_message_without_id_has_no_second_effect(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    sent = username_token(message(message_id=""), **token)

    assert code_of(post(sent)) == "0.0"
    assert code_of(post(sent)) == "7.7"


def test_played_back_query_is_not_answered(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    sent = username_token(soap(query("DERGroupQueries", "DERGroups", asked())), **token)
    path = "/61968-5/get/queryDERGroups"

    replies = [Client().post(path, sent, content_type="text/xml") for _ in range(2)]

    assert [code_of(reply) for reply in replies][1] == "7.7"


def test_two_clients_in_one_message(dms, other_client):
    sent = username_token(message(), other_client.persona.client_id, other_client.persona.secret)

    response = post(sent, dms.defaults["HTTP_AUTHORIZATION"])

    assert_refused(response, "7.4", "two different API clients")


def test_nothing_shown_is_a_401(dms):
    assert post(message()).status_code == 401
    assert post(b"<broken").status_code == 401
    assert post(b"x" * (2**20 + 1)).status_code == 401
    assert CimMessage.objects.count() == 0
