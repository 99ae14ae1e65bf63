// The two Lua scripts of the gate. They interpret; they decide nothing. `ahead` is 0 but for a test clock, which
// redis_store.cc writes in.
#pragma once

namespace stafett::gate {

// ARGV: echo, then (kind, key, a, b) per wanted value; behind those of 'fields' the fields themselves, a in number.
// Answer: echo, now, values… (of 'clock': the clock itself and the store's id)
inline constexpr char kReadScript[] = R"lua(
local ahead = 0
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + ahead
local clock = now
local out = {ARGV[1], 0}
local i = 2
while i <= #ARGV do
  local kind, key, a, b = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  i = i + 4
  local v
  if kind == 'string' then v = redis.call('GET', key)
  elseif kind == 'list' then v = redis.call('LRANGE', key, a, b)
  elseif kind == 'at' then v = redis.call('LINDEX', key, a)
  elseif kind == 'length' then v = redis.call('LLEN', key)
  elseif kind == 'hash' then v = redis.call('HGETALL', key)
  elseif kind == 'field' then v = redis.call('HGET', key, a)
  elseif kind == 'fields' then
    local last = i + tonumber(a) - 1
    v = a == '0' and {} or redis.call('HMGET', key, unpack(ARGV, i, last))
    i = last + 1
  elseif kind == 'sorted' then v = redis.call('ZRANGE', key, a, b)
  elseif kind == 'due' then v = redis.call('ZRANGEBYSCORE', key, '-inf', string.format('%d', clock), 'LIMIT', 0, a)
  elseif kind == 'after' then v = redis.call('ZRANGE', key, a, '+', 'BYLEX', 'LIMIT', 0, b)
  elseif kind == 'clock' then
    local seen = tonumber(redis.call('GET', key) or '0')
    v = {clock, redis.call('GET', key .. ':id') or ''}
    if seen > now then now = seen end
  else return redis.error_reply('BADOP unknown read') end
  out[#out + 1] = v
end
out[2] = now
return out
)lua";

// ARGV: echo, clock key, id, number of guards, guards (kind, key, value, number, field), then writes (op, argument
// count, arguments…). All guards stand before the first write: Lua does not roll back. Unknown guards and writes, wrong
// counts of arguments and keys of another type are found in the same first pass, so that a broken transaction writes
// nothing. id: of the store, as the caller has met it; empty: not yet. The first write gives an empty store its id (the
// echo). If it is another one, all was lost behind the caller's back (FLUSHALL), and nothing is done. Answer: echo,
// 'OK', now, id, outbox numbers…  |  echo, 'NO', now, id, index of the first guard that failed (from 0)
//       |  echo, 'LOST', now.
inline constexpr char kRunScript[] = R"lua(
local ahead = 0
local t = redis.call('TIME')
local clock = t[1] * 1000 + math.floor(t[2] / 1000) + ahead
local now = clock
local clock_key = ARGV[2]
local seen = tonumber(redis.call('GET', clock_key) or '0')
if seen > now then now = seen end
local id_key = clock_key .. ':id'
local id = redis.call('GET', id_key) or ''
if ARGV[3] ~= '' and ARGV[3] ~= id then return {ARGV[1], 'LOST', now} end

local ids = {}
-- arguments (0: a key and any number of pairs), and the type that the key must have if it exists (false: any)
local forms = {
  push = {2, 'list'}, set = {2, false}, setfor = {3, false}, del = {1, false},
  hset = {3, 'hash'}, hsetall = {0, 'hash'}, hdel = {2, 'hash'}, zadd = {3, 'zset'}, zsooner = {3, 'zset'}, zrem = {2, 'zset'},
  place = {4, 'hash'},
  max = {2, 'string'}, stamp = {1, 'string'}, outbox = {6, 'stream'}, remember = {6, 'hash'},
  acklog = {2, 'stream'}, trim = {2, 'stream'}, fence = {4, 'string'}, rewind = {4, 'string'}, lease = {3, 'string'}, release = {2, 'string'},
}
local ops = {
  push = function(a) redis.call('RPUSH', a[1], a[2]) end,
  set = function(a) redis.call('SET', a[1], a[2]) end,
  setfor = function(a) redis.call('SET', a[1], a[2], 'PX', a[3]) end,
  del = function(a) redis.call('DEL', a[1]) end,
  hset = function(a) redis.call('HSET', a[1], a[2], a[3]) end,
  hsetall = function(a) redis.call('HSET', unpack(a)) end,
  hdel = function(a) redis.call('HDEL', a[1], a[2]) end,
  zadd = function(a) redis.call('ZADD', a[1], a[2], a[3]) end,
  zsooner = function(a) redis.call('ZADD', a[1], 'LT', a[2], a[3]) end,
  zrem = function(a) redis.call('ZREM', a[1], a[2]) end,
  place = function(a)
    -- the field holds the names, a line each, an empty line, the member
    local old = redis.call('HGET', a[1], a[2])
    local at = old and string.find(old, '\n\n', 1, true)
    if at then
      for name in string.gmatch(string.sub(old, 1, at), '[^\n]+') do
        redis.call('ZREM', a[1] .. ':' .. name, string.sub(old, at + 2))
      end
    end
    if a[4] == '' then redis.call('HDEL', a[1], a[2]) return end
    redis.call('HSET', a[1], a[2], a[4] .. '\n' .. a[3])
    for name in string.gmatch(a[4], '[^\n]+') do redis.call('ZADD', a[1] .. ':' .. name, 0, a[3]) end
  end,
  max = function(a)
    local old = tonumber(redis.call('GET', a[1]) or '-1')
    if tonumber(a[2]) > old then redis.call('SET', a[1], a[2]) end
  end,
  stamp = function(a) redis.call('SET', a[1], string.format('%d', clock)) end,
  outbox = function(a)
    local o = redis.call('GET', a[2]) or '0'
    local n = redis.call('INCR', a[1] .. ':n')
    redis.call('XADD', a[1], string.format('%d-0', n), 't', a[3], 'k', a[4], 'v', a[5], 'h', a[6], 'o', o)
    ids[#ids + 1] = n
  end,
  remember = function(a)
    redis.call('HSET', a[1], 'h', a[3], 'p', a[4], 'c', a[5], 'v', a[6], 's', ids[#ids] and string.format('%d', ids[#ids]) or '0')
    redis.call('PEXPIRE', a[1], a[2])
  end,
  acklog = function(a) redis.call('XADD', a[1], '*', 'a', a[2]) end,
  trim = function(a) redis.call('XTRIM', a[1], 'MINID', a[2]) end,
  fence = function(a)
    local acked = tonumber(redis.call('GET', a[3]) or '0')
    -- "o" of the first entry behind this number; the mark if there is none
    local function behind(number)
      local first = redis.call('XRANGE', a[2], string.format('%d-0', number + 1), '+', 'COUNT', 1)
      if #first == 0 then return tonumber(redis.call('GET', a[4]) or '0') end
      local fields = first[1][2]
      for i = 1, #fields, 2 do if fields[i] == 'o' then return tonumber(fields[i + 1]) end end
    end
    local f = behind(acked)
    -- the mark was set back when the outbox had come to this number: smaller "o" stand behind larger ones
    for _, number in ipairs(redis.call('HKEYS', a[1] .. ':rewinds')) do
      if acked >= tonumber(number) then redis.call('HDEL', a[1] .. ':rewinds', number)
      else f = math.min(f, behind(tonumber(number))) end
    end
    local old = tonumber(redis.call('GET', a[1]) or '0')
    if f > old then redis.call('SET', a[1], string.format('%d', f)) end
  end,
  rewind = function(a)
    if tonumber(redis.call('GET', a[1]) or '0') <= tonumber(a[2]) then return end
    redis.call('SET', a[1], a[2])
    redis.call('INCR', a[1] .. ':rewinds')
    if tonumber(redis.call('GET', a[3]) or '0') > tonumber(a[2]) then redis.call('SET', a[3], a[2]) end
    redis.call('HSET', a[3] .. ':rewinds', redis.call('GET', a[4] .. ':n') or '0', '1')
  end,
  lease = function(a)
    local owner = redis.call('GET', a[1])
    if not owner or owner == a[2] then redis.call('SET', a[1], a[2], 'PX', a[3]) end
  end,
  release = function(a)
    if redis.call('GET', a[1]) == a[2] then redis.call('DEL', a[1]) end
  end,
}

local n = tonumber(ARGV[4])
local i = 5
for g = 0, n - 1 do
  local kind, key, value, number, field = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4]
  local ok
  if kind == 'absent' then ok = redis.call('EXISTS', key) == 0
  elseif kind == 'length' then ok = redis.call('LLEN', key) == number
  elseif kind == 'equals' then ok = (redis.call('GET', key) or '') == value
  elseif kind == 'below' then
    local appended = tonumber(redis.call('GET', key .. ':n') or '0')
    ok = appended - tonumber(redis.call('GET', value) or '0') < number
  elseif kind == 'fresh' then
    local at = redis.call('GET', key)
    ok = at and clock >= tonumber(at) and clock - tonumber(at) <= number
  elseif kind == 'nofield' then ok = redis.call('HEXISTS', key, value) == 0
  elseif kind == 'field' then ok = redis.call('HGET', key, field) == value
  elseif kind == 'notbefore' then ok = now >= number
  else return redis.error_reply('BADOP unknown guard') end
  if not ok then return {ARGV[1], 'NO', now, id, g} end
  i = i + 5
end
local first = i
local types = {}
while i <= #ARGV do
  local form, count = forms[ARGV[i]], tonumber(ARGV[i + 1])
  if not form or not (form[1] == count or (form[1] == 0 and count >= 3 and count % 2 == 1)) then
    return redis.error_reply('BADOP unknown write')
  end
  if form[2] then
    local key = ARGV[i + 2]
    local is = types[key]
    if not is then
      is = redis.call('TYPE', key)['ok']
      types[key] = is
    end
    if is ~= 'none' and is ~= form[2] then return redis.error_reply('BADTYPE the key holds something else') end
  end
  i = i + 2 + count
end

i = first
while i <= #ARGV do
  local op, count = ops[ARGV[i]], tonumber(ARGV[i + 1])
  local a = {}
  for j = 1, count do a[j] = ARGV[i + 1 + j] end
  op(a)
  i = i + 2 + count
end
if now > seen then redis.call('SET', clock_key, string.format('%d', now)) end
if id == '' then
  id = ARGV[1]
  redis.call('SET', id_key, id)
end
local out = {ARGV[1], 'OK', now, id}
for j = 1, #ids do out[#out + 1] = ids[j] end
return out
)lua";

}  // namespace stafett::gate
