import pytest

from derms.accounts.models import User
from derms.audit.models import AuditRecord
from tests.factories import accounts
from tests.personas import Persona

pytestmark = pytest.mark.django_db
NEW = {"username": "ada", "password": "a long enough phrase", "roles": ["operator"]}


def test_admin_creates_a_user_who_can_log_in(admin):
    reply = admin.post("/api/v1/users", NEW)

    assert reply.status_code == 201
    assert reply["Location"] == f"/api/v1/users/{reply.json()['mrid']}"
    assert Persona().login(username="ada", password=NEW["password"])
    assert "password" not in reply.json()


def test_weak_password_names_the_field(admin):
    reply = admin.post("/api/v1/users", NEW | {"password": "short"})

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"] == "password"
    assert not User.objects.filter(username="ada").exists()


def test_taken_name_is_a_conflict(admin):
    admin.post("/api/v1/users", NEW)

    assert admin.post("/api/v1/users", NEW).status_code == 409
    assert User.objects.filter(username="ada").count() == 1


def test_change_of_roles_takes_effect_and_is_audited(admin):
    user = accounts.user()
    reply = admin.patch(f"/api/v1/users/{user.mrid}", {"roles": ["viewer"]})

    assert reply.json()["roles"] == ["viewer"]
    assert AuditRecord.objects.get(action="accounts.update_user").object_mrid == user.mrid


def test_admin_cannot_lock_himself_out(admin):
    reply = admin.patch(f"/api/v1/users/{admin.actor.mrid}", {"roles": ["viewer"]})

    assert reply.status_code == 409
    assert admin.get("/api/v1/users").status_code == 200


def test_new_password_ends_the_sessions_of_its_owner(admin, persona):
    someone = persona()
    assert someone.get("/api/v1/me").status_code == 200

    path = f"/api/v1/users/{someone.actor.mrid}/password"
    assert admin.post(path, {"password": "another long phrase"}).status_code == 204
    assert someone.get("/api/v1/me").status_code == 401


def test_switched_off_user_is_out_at_once(admin, persona):
    someone = persona()
    admin.patch(f"/api/v1/users/{someone.actor.mrid}", {"is_active": False})

    assert someone.get("/api/v1/me").status_code == 401


def test_secret_is_shown_once_and_can_be_replaced(admin):
    party = accounts.organisation()
    body = {"client_id": "dms-1", "name": "DMS", "organisation": party.mrid, "roles": ["dms"]}
    made = admin.post("/api/v1/api-clients", body).json()
    shown = admin.get(f"/api/v1/api-clients/{made['mrid']}").json()
    caller = Persona(HTTP_AUTHORIZATION=f"Bearer {made['bearer_token']}")

    assert made["secret"] not in str(shown)
    assert caller.get("/api/v1/me").status_code == 200

    fresh = admin.post(f"/api/v1/api-clients/{made['mrid']}/secret").json()
    assert caller.get("/api/v1/me").status_code == 401
    caller = Persona(HTTP_AUTHORIZATION=f"Bearer {fresh['bearer_token']}")
    assert caller.get("/api/v1/me").status_code == 200


def test_unknown_user_is_not_found(admin):
    assert admin.get("/api/v1/users/none").status_code == 404
    assert admin.patch("/api/v1/users/none", {"roles": []}).status_code == 404


def test_list_is_a_cursor_page(admin):
    body = admin.get("/api/v1/users?page_size=1").json()

    assert set(body) == {"next", "previous", "results"}
    assert len(body["results"]) == 1
