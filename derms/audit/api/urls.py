"""Routes of the audit chain below /api/v1/."""

from django.urls import path

from derms.audit.api import views

urlpatterns = [
    path("audit", views.AuditView.as_view(), name="audit"),
    path("audit/verification", views.VerificationView.as_view(), name="audit-verification"),
]
