"""Which address leads to which page. Pages live in the apps."""

from django.urls import path

urlpatterns: list = []
