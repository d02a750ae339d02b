"""What Redis does in one step: the scripts of `RedisEngine`, in Lua.

Each touches only keys of one office, which share a hash tag. Numbers are exact up to 2**53.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CLAIM", "CUT", "RESIGN"]

CLAIM: Final = """
-- KEYS: lease, term.  ARGV: owner, lease in ms, newest term that the owner knows.
-- The term's key is the newest term and whose it is.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return false
end
local last, whose = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) (.*)$')
last = tonumber(last or '0')
local known = tonumber(ARGV[3])
if whose ~= ARGV[1] or last < known then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  last = math.max(now, last + 1, known + 1)
  redis.call('SET', KEYS[2], string.format('%.0f %s', last, ARGV[1]))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return string.format('%.0f', last)
"""
"""Take or keep an office: a term goes on as long as nobody else had one in between."""

RESIGN: Final = """
-- KEYS: lease.  ARGV: owner.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
"""
"""Give up an office that one holds."""

CUT: Final = """
-- KEYS: stream, counts of what was lost.  ARGV: length to leave, how many to look at.
local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
if excess <= 0 then
  return {0, 0}
end
local more = 0
if excess > tonumber(ARGV[2]) then
  excess = tonumber(ARGV[2])
  more = 1
end
local function parts(id)
  local term, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(term), tonumber(seq)
end
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', excess)
local needed, count = {}, 0
local function need(id)
  if not needed[id] then
    needed[id] = true
    count = count + 1
  end
end
local oldest, final = entries[1][1], entries[#entries][1]
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local facts = {}
  for i = 1, #group, 2 do
    facts[group[i]] = group[i + 1]
  end
  local term, seq = parts(facts['last-delivered-id'])
  local lost = 0
  for _, entry in ipairs(entries) do
    local t, s = parts(entry[1])
    if t > term or (t == term and s > seq) then
      lost = lost + 1
      need(entry[1])
    end
  end
  if lost > 0 then
    redis.call('HINCRBY', KEYS[2], facts['name'], lost)
  end
  if facts['pending'] > 0 then
    for _, held in ipairs(redis.call('XPENDING', KEYS[1], facts['name'], oldest, final, excess)) do
      need(held[1])
    end
  end
end
local term, seq = parts(final)
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-%.0f', term, seq + 1))
return {count, more}
"""
"""Forget the oldest entries, and count for each group what it has not been given of them."""
