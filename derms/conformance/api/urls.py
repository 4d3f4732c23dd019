"""Routes of the partner bench below /api/v1/."""

from django.urls import path

from derms.conformance.api import replays, views

urlpatterns = [
    path("conformance/scenarios", views.ScenariosView.as_view(), name="bench-scenarios"),
    path("conformance/partners", views.BenchPartnersView.as_view(), name="bench-partners"),
    path(
        "conformance/partners/<str:mrid>/sandbox",
        views.SendBackView.as_view(),
        name="bench-send-back",
    ),
    path("cim-messages/<str:mrid>/replay", replays.ReplayView.as_view(), name="cim-message-replay"),
    path("conformance/runs", views.RunsView.as_view(), name="bench-runs"),
    path("conformance/runs/<str:mrid>", views.RunView.as_view(), name="bench-run"),
    path(
        "conformance/runs/<str:mrid>/steps/<str:number>",
        views.RunStepView.as_view(),
        name="bench-step",
    ),
    path(
        "conformance/runs/<str:mrid>/report.<str:kind>",
        views.RunReportView.as_view(),
        name="bench-report",
    ),
    path(
        "conformance/runs/<str:mrid>/abandon", views.RunAbandonView.as_view(), name="bench-abandon"
    ),
    path("conformance/runs/<str:mrid>/accept", views.RunAcceptView.as_view(), name="bench-accept"),
]
