"""Routes of accounts below /api/v1/."""

from django.urls import path

from derms.accounts.api import certificates, grants, views

urlpatterns = [
    path("me", views.MeView.as_view(), name="me"),
    path("me/extend", views.ExtendView.as_view(), name="me-extend"),
    path("organisations", views.OrganisationsView.as_view(), name="organisations"),
    path("users", views.UsersView.as_view(), name="users"),
    path("users/<str:mrid>", views.UserView.as_view(), name="user"),
    path("users/<str:mrid>/password", views.UserPasswordView.as_view(), name="user-password"),
    path("api-clients", views.ApiClientsView.as_view(), name="api-clients"),
    path("api-clients/<str:mrid>", views.ApiClientView.as_view(), name="api-client"),
    path(
        "api-clients/<str:mrid>/secret",
        views.ApiClientSecretView.as_view(),
        name="api-client-secret",
    ),
    path(
        "api-clients/<str:mrid>/policy",
        certificates.ApiClientPolicyView.as_view(),
        name="api-client-policy",
    ),
    path(
        "api-clients/<str:mrid>/grants",
        grants.ApiClientGrantsView.as_view(),
        name="api-client-grants",
    ),
    path(
        "api-clients/<str:mrid>/retire",
        views.ApiClientRetireView.as_view(),
        name="api-client-retire",
    ),
    path("certificates", certificates.AllCertificatesView.as_view(), name="certificates"),
    path(
        "api-clients/<str:mrid>/certificates",
        certificates.CertificatesView.as_view(),
        name="api-client-certificates",
    ),
    path(
        "api-clients/<str:mrid>/certificates/<str:sha256>/revoke",
        certificates.RevokeView.as_view(),
        name="api-client-certificate-revoke",
    ),
]
