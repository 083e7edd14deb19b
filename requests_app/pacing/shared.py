"""A budget that all processes share: one script inside Redis, by Redis's own clock. Raises what redis-py raises."""

from functools import cache
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from requests_app.pacing.bucket import LONGEST_PAUSE, Budget

# A write waits for this at most when Redis hangs, once; the gate then leaves Redis alone for a while.
TIMEOUT_SECONDS: Final = 0.25
# Longer than anything that is remembered counts.
_TTL_SECONDS: Final = 900

# The same sums as in `bucket`, in whole microseconds. Time never goes back: where Redis's clock was set back, ours
# goes on from where it was (`skew`), or writes would wait for the clock to catch up.
# KEYS: the bucket, its window. ARGV: verb, interval, ahead, within, span, seconds to live, what is asked for.
_SCRIPT: Final = """
local time = redis.call('TIME')
local kept = redis.call('HMGET', KEYS[1], 'at', 'skew', 'full', 'paused')
local at, skew = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
local full, paused = tonumber(kept[3] or 0), tonumber(kept[4] or 0)
local verb, interval, ahead, within = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local span, ttl = tonumber(ARGV[5]), tonumber(ARGV[6])
local now = time[1] * 1000000 + time[2] + skew
if now < at then
  skew = skew + at - now
  now = at
end
local function write(value) return string.format('%.0f', value) end
if verb == 'look' then
  local gone, sent = 0, redis.call('LRANGE', KEYS[2], 0, -1)
  while gone < #sent and tonumber(sent[gone + 1]) <= now - span do gone = gone + 1 end
  return {math.max(full - now, 0), #sent - gone, math.max(paused - now, 0), now}
end
local wait = 0
if verb == 'pause' then
  paused = math.max(paused, now + tonumber(ARGV[7]))
else
  local oldest = redis.call('LINDEX', KEYS[2], 0)
  while oldest and tonumber(oldest) <= now - span do
    redis.call('LPOP', KEYS[2])
    oldest = redis.call('LINDEX', KEYS[2], 0)
  end
  wait = math.max(paused - now, math.max(full, now) + interval - now - ahead, 0)
  local over = redis.call('LLEN', KEYS[2]) - within
  if over >= 0 then
    wait = math.max(wait, tonumber(redis.call('LINDEX', KEYS[2], over)) + span - now)
  end
  if wait == 0 then
    full = math.max(full, now) + interval
    redis.call('RPUSH', KEYS[2], write(now))
  end
end
redis.call('HSET', KEYS[1], 'at', write(now), 'skew', write(skew), 'full', write(full), 'paused', write(paused))
redis.call('EXPIRE', KEYS[1], ttl)
redis.call('EXPIRE', KEYS[2], ttl)
return {wait, now}
"""


def take(url: str, name: str, budget: Budget, *, closing: bool) -> tuple[int, int]:
    """Return how long to wait (0: one write is paid for) and when that was, by Redis's clock. Microseconds."""
    wait, now = _run(url, name, "take", budget, closing=closing)
    return wait, now


def pause(url: str, name: str, budget: Budget, lasting: int) -> None:
    """Nothing is taken from this budget for so many microseconds, by anybody."""
    _run(url, name, "pause", budget, min(lasting, LONGEST_PAUSE))


def look(url: str, name: str, budget: Budget) -> tuple[int, int, int]:
    """Return until the bucket is full, how many the window holds and until a pause ends; changes nothing."""
    behind, sent, paused, _ = _run(url, name, "look", budget)
    return behind, sent, paused


def _run(
    url: str, name: str, verb: str, budget: Budget, asked: int = 0, *, closing: bool = True
) -> list[int]:
    # Braces: a clustered Redis keeps both keys in one place.
    keys = [f"latch:pace:{{{name}}}", f"latch:pace:{{{name}}}:sent"]
    ahead, within = budget.ahead(closing=closing), budget.within(closing=closing)
    words = [verb, budget.interval, ahead, within, budget.span, _TTL_SECONDS, asked]
    # By its digest; in full, once, where Redis does not know it (any more).
    found: list[int] = _script(url)(keys=keys, args=words)
    return found


@cache
def _script(url: str) -> Any:
    client = redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        # Left alone, redis-py tries four times with pauses that grow; a closing does not wait for that.
        retry=Retry(NoBackoff(), 0),
    )
    return client.register_script(_SCRIPT)
