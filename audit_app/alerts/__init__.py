"""Alerts: rules over the trail, raising each cause once, acknowledging. Nothing here changes access."""
