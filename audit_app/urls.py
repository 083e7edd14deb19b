"""Which address leads to which page of the trail. Nothing else."""

from django.urls import path

from audit_app import (
    activity_views,
    alert_views,
    export_views,
    overview_views,
    proof_views,
    review_views,
    views,
)

app_name = "audit"

urlpatterns = [
    path("", overview_views.overview, name="overview"),
    path("events/", views.events, name="events"),
    path("events/<uuid:uid>/proof.json", proof_views.proof, name="proof"),
    path("stories/<str:story>/", views.story, name="story"),
    path("stories/<str:story>/activity/", activity_views.beside, name="activity"),
    path("stories/<str:story>/activity/read", activity_views.ask, name="activity-read"),
    path("exports/", export_views.listing, name="exports"),
    path("exports/new", export_views.export, name="export"),
    path("alerts/", alert_views.listing, name="alerts"),
    path("alerts/<int:pk>/", alert_views.alert, name="alert"),
    path("alerts/<int:pk>/acknowledge", alert_views.acknowledge, name="alert-acknowledge"),
    path("reviews/", review_views.listing, name="reviews"),
    path("reviews/new", review_views.new, name="review-new"),
    path("reviews/<uuid:uid>/", review_views.review, name="review"),
    path("reviews/<uuid:uid>/decide", review_views.decide_rows, name="review-decide"),
    path("reviews/<uuid:uid>/sign-off", review_views.sign_off, name="review-sign-off"),
    path("reviews/<uuid:uid>/call-off", review_views.call_off, name="review-call-off"),
    path("reviews/<uuid:uid>/evidence.zip", review_views.evidence_pack, name="review-evidence"),
    path("reviews/rows/<int:pk>/undo", review_views.undo, name="review-undo"),
    path("exports/regular/<int:pk>/stop", export_views.stop_schedule, name="export-stop"),
    path("exports/<uuid:uid>/manifest.json", export_views.manifest, name="export-manifest"),
    path("exports/<uuid:uid>/file", export_views.export_file, name="export-file"),
]
