"""Log in and out: plain pages, so they work when nothing else does."""

from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse

from derms.accounts import throttle
from derms.accounts.selectors import actor_of_user, address_of, find_actor
from derms.audit import services as audit
from derms.core import metrics
from derms.core.actors import Actor, ActorKind, Role

_OPERATING = frozenset({Role.OPERATOR, Role.APPROVER})


def first_page(roles: frozenset[Role]) -> str:
    """Return the page a person begins with: engineers with the health of integration."""
    if Role.ENGINEER in roles and not roles & _OPERATING:
        return "/integration"
    return str(settings.LOGIN_REDIRECT_URL)


class LoginView(auth_views.LoginView):
    """The login page; attempts are limited and each outcome is audited."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True
    http_method_names = ["get", "post", "head"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the password unless there were too many tries."""
        wait_s = throttle.seconds_to_wait(self._attempt())
        if not wait_s:
            return super().post(request, *args, **kwargs)
        metrics.LOGINS.labels("throttled").inc()
        minutes = -(-wait_s // 60)
        unit = "minute" if minutes == 1 else "minutes"
        refusal = f"Too many attempts. Try again in {minutes} {unit}."
        context = self.get_context_data(form=AuthenticationForm(request), refusal=refusal)
        return self.render_to_response(
            context, status=HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": str(wait_s)}
        )

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Start a fresh session."""
        throttle.note_success(self._attempt())
        response = super().form_valid(form)
        user: Any = form.get_user()
        actor = actor_of_user(user, source="session", address=address_of(self.request))
        _record("accounts.log_in", actor)
        metrics.LOGINS.labels("done").inc()
        return response

    def get_success_url(self) -> str:
        """Return where the person wanted to go; else the first page of the role."""
        wanted: str = super().get_success_url()
        if wanted != settings.LOGIN_REDIRECT_URL:
            return wanted
        return first_page(actor_of_user(cast("Any", self.request.user), source="session").roles)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Say that it was wrong, not what of it."""
        attempt = self._attempt()
        metrics.LOGINS.labels("refused").inc()
        audit.record_refused(
            action="accounts.log_in",
            object_type="User",
            reason="wrong user name or password",
            actor=Actor(
                kind=ActorKind.USER,
                mrid="",
                name=attempt.username[:150],
                source="session",
                address=attempt.address,
            ),
        )
        response = super().form_invalid(form)
        response.status_code = HTTPStatus.UNAUTHORIZED
        return response

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Add what the page's head shows."""
        page = {"site_name": settings.SITE_NAME, "mode_tag": settings.MODE_TAG}
        ended = "next" in self.request.GET and self.request.GET["next"] != "/"
        return super().get_context_data(**more) | page | {"ended": ended} | more

    def _attempt(self) -> throttle.Attempt:
        name = self.request.POST.get("username", "")[:150]
        return throttle.Attempt(username=name.strip(), address=address_of(self.request))


class LogoutView(auth_views.LogoutView):
    """End the session; only by POST, so no foreign page can do it."""

    next_page = "/login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Record who leaves, then forget the session."""
        actor = find_actor(request)
        if actor is not None:
            _record("accounts.log_out", actor)
        return super().post(request, *args, **kwargs)


def _record(action: str, actor: Actor) -> None:
    audit.record(action=action, object_type="User", object_mrid=actor.mrid, actor=actor)
