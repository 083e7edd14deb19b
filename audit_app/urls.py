"""Which address leads to which page of the trail. Nothing else."""

from django.urls import URLPattern

app_name = "audit"

urlpatterns: list[URLPattern] = []
