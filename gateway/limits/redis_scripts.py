"""What Redis is asked to do in one step: three scripts over one client's keys.

The window is that of gateway.limits.window, kept sparsely: a sorted set has one member for each
quarter of a second in which something was used, with what had been used in all before it. Time is
the server's, so that replicas need not agree on theirs.

Keys of a client, which share a hash tag: ``state`` (a hash: requests and tokens in all, tokens held
for calls in flight), the two sorted sets, ``open`` (calls in flight by when they are given up), and
what was spent in a month, in billionths of a dollar.
"""

from __future__ import annotations

_SHARED = """
local state, requests, tokens, open, spent = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local quarter = math.floor(now / 250)

local function total(field)
  return tonumber(redis.call('HGET', state, field) or 0)
end

local function before(member)
  return tonumber(string.match(member, ':(%d+)$'))
end

local function used(window, field)
  local first = redis.call('ZRANGEBYSCORE', window, quarter - 240, '+inf', 'LIMIT', 0, 1)[1]
  return first and math.max(0, total(field) - before(first)) or 0
end

local function use(window, field, amount)
  if redis.call('ZCOUNT', window, quarter, quarter) == 0 then
    local member = string.format('%d:%.0f', quarter, total(field))
    redis.call('ZREMRANGEBYSCORE', window, '-inf', quarter - 241)
    redis.call('ZADD', window, quarter, member)
    redis.call('PEXPIRE', window, 120000)
  end
  redis.call('HINCRBY', state, field, amount)
  redis.call('PEXPIRE', state, 300000)
end

local function close(member)
  if redis.call('ZREM', open, member) == 1 then
    redis.call('HINCRBY', state, 'held', 0 - before(member))
  end
end
"""

ADMIT = (
    _SHARED
    + """
local rpm, tpm, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local budget, wanted, member = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

for _, dead in ipairs(redis.call('ZRANGEBYSCORE', open, '-inf', now)) do
  close(dead)
end

local function refused(what, window, field, room, left)
  local entries = redis.call('ZRANGEBYSCORE', window, quarter - 240, '+inf', 'WITHSCORES')
  local all, wait, reset = total(field), -1, 0
  for i = 1, #entries, 2 do
    local gone = (entries[i + 1] + 241) * 250 - now
    local following = entries[i + 2] and before(entries[i + 2]) or all
    if wait < 0 and all - following <= room then wait = gone end
    reset = gone
  end
  return {what, math.max(0, left), wait, reset}
end

local money = tonumber(redis.call('GET', spent) or 0)
if budget >= 0 and money >= budget then return {'budget', 0, -1, -1} end
if rpm >= 0 then
  local count = used(requests, 'requests')
  if count >= rpm then return refused('requests', requests, 'requests', rpm - 1, rpm - count) end
end
if tpm >= 0 then
  local count, held = used(tokens, 'tokens'), total('held')
  if count + held + wanted > tpm then
    return refused('tokens', tokens, 'tokens', tpm - held - wanted, tpm - held - count)
  end
end
if most >= 0 and redis.call('ZCARD', open) >= most then return {'concurrency', 0, -1, -1} end

use(requests, 'requests', 1)
redis.call('HINCRBY', state, 'held', wanted)
redis.call('ZADD', open, now + ARGV[7], member)
redis.call('PEXPIRE', open, 300000)
return {'', string.format('%.0f', money)}
"""
)
"""Lets a call in, or says which limit it meets.

Arguments: requests, tokens, calls at once and billionths of a dollar allowed, -1 for no limit;
tokens to hold; the call's id, a colon and the same tokens; milliseconds until the call is given up.
Answer: an empty string and what the month has cost; or the limit's name, what is left of it, and
milliseconds until the call would fit (-1: unknown) and until all of it is free.
"""

SETTLE = (
    _SHARED
    + """
close(ARGV[1])
if tonumber(ARGV[2]) > 0 then use(tokens, 'tokens', ARGV[2]) end
if tonumber(ARGV[3]) > 0 then
  redis.call('INCRBY', spent, ARGV[3])
  redis.call('EXPIRE', spent, 3456000)
end
return 0
"""
)
"""Ends a call. Arguments: its id as above, tokens used, billionths of a dollar.

What a month cost is forgotten 40 days after the last call in it.
"""

RENEW = (
    _SHARED
    + """
for i = 2, #ARGV do redis.call('ZADD', open, 'XX', now + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', open, 300000)
redis.call('PEXPIRE', state, 300000)
return 0
"""
)
"""Says that calls still go on. Arguments: milliseconds as above, then the calls' ids."""
