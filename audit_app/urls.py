"""Which address leads to which page of the trail. Nothing else."""

from django.urls import path

from audit_app import export_views, proof_views, views

app_name = "audit"

urlpatterns = [
    path("events/", views.events, name="events"),
    path("events/<uuid:uid>/proof.json", proof_views.proof, name="proof"),
    path("stories/<str:story>/", views.story, name="story"),
    path("exports/", export_views.listing, name="exports"),
    path("exports/new", export_views.export, name="export"),
    path("exports/<uuid:uid>.csv", export_views.export_file, name="export-file"),
]
