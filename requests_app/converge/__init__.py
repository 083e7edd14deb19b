"""Convergence: should-be-open against is-open, for one container. Nobody else writes to Azure."""

from requests_app.converge.loop import converge

__all__ = ["converge"]
