"""Pacing: how fast writes may go to Azure. All workers share one budget for each subscription and region, in Redis.

Nothing here calls Azure or reads the database. What is promised, and what happens without Redis, stands in `gate`.
"""

from requests_app.pacing.bucket import AZURE
from requests_app.pacing.gate import Left, admit, forget, left, pause

__all__ = ["AZURE", "Left", "admit", "forget", "left", "pause"]
