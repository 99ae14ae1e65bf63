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
-- arguments (0: a key and any number of pairs; -1: a key and any number; -2: any number of pairs), and the type that the
-- key must have if it exists (false: any)
local forms = {
  push = {-1, 'list'}, set = {2, false}, mset = {-2, false}, setfor = {3, false}, expire = {2, false},
  del = {1, false},
  hset = {0, 'hash'}, hdel = {2, 'hash'}, zadd = {0, 'zset'}, zsooner = {0, 'zset'}, zrem = {2, 'zset'},
  place = {4, 'hash'},
  max = {2, 'string'}, stamp = {1, 'string'}, outbox = {7, 'stream'}, remember = {6, false},
  acklog = {2, 'stream'}, trim = {2, 'stream'}, fence = {4, 'string'}, rewind = {4, 'string'}, lease = {3, 'string'}, release = {2, 'string'},
}
-- Each gets the place of its first argument and of its last: to copy them into tables costs as much as to do it.
local A = ARGV
local ops = {
  push = function(i, j) redis.call('RPUSH', unpack(A, i, j)) end,
  set = function(i) redis.call('SET', A[i], A[i + 1]) end,
  mset = function(i, j) redis.call('MSET', unpack(A, i, j)) end,
  setfor = function(i) redis.call('SET', A[i], A[i + 1], 'PX', A[i + 2]) end,
  expire = function(i) redis.call('PEXPIRE', A[i], A[i + 1]) end,
  del = function(i) redis.call('DEL', A[i]) end,
  hset = function(i, j) redis.call('HSET', unpack(A, i, j)) end,
  hdel = function(i) redis.call('HDEL', A[i], A[i + 1]) end,
  zadd = function(i, j) redis.call('ZADD', unpack(A, i, j)) end,
  zsooner = function(i, j) redis.call('ZADD', A[i], 'LT', unpack(A, i + 1, j)) end,
  zrem = function(i) redis.call('ZREM', A[i], A[i + 1]) end,
  place = function(i)
    local key, field, member, names = A[i], A[i + 1], A[i + 2], A[i + 3]
    -- the field holds the names, a line each, an empty line, the member
    local old = redis.call('HGET', key, field)
    local at = old and string.find(old, '\n\n', 1, true)
    if at then
      for name in string.gmatch(string.sub(old, 1, at), '[^\n]+') do
        redis.call('ZREM', key .. ':' .. name, string.sub(old, at + 2))
      end
    end
    if names == '' then redis.call('HDEL', key, field) return end
    redis.call('HSET', key, field, names .. '\n' .. member)
    for name in string.gmatch(names, '[^\n]+') do redis.call('ZADD', key .. ':' .. name, 0, member) end
  end,
  max = function(i)
    local old = tonumber(redis.call('GET', A[i]) or '-1')
    if tonumber(A[i + 1]) > old then redis.call('SET', A[i], A[i + 1]) end
  end,
  stamp = function(i) redis.call('SET', A[i], string.format('%d', clock)) end,
  outbox = function(i)
    local o = redis.call('GET', A[i + 1]) or '0'
    local n = redis.call('INCR', A[i] .. ':n')
    redis.call('XADD', A[i], string.format('%d-0', n), 't', A[i + 2], 'k', A[i + 3], 'v', A[i + 4], 'h', A[i + 5],
      'd', A[i + 6], 'o', o)
    ids[#ids + 1] = n
  end,
  remember = function(i)
    local last = ids[#ids] and string.format('%d', ids[#ids]) or '0'
    redis.call('SET', A[i], table.concat({last, A[i + 3], A[i + 4], A[i + 5], A[i + 2]}, '\n'), 'PX', A[i + 1])
  end,
  acklog = function(i) redis.call('XADD', A[i], '*', 'a', A[i + 1]) end,
  trim = function(i) redis.call('XTRIM', A[i], 'MINID', A[i + 1]) end,
  fence = function(i)
    local key, outbox, mark = A[i], A[i + 1], A[i + 3]
    local acked = tonumber(redis.call('GET', A[i + 2]) or '0')
    local at = tonumber(redis.call('GET', mark) or '0')
    -- "o" of the first entry behind this number; the mark if there is none, and never above it: it was the mark once
    local function behind(number)
      local first = redis.call('XRANGE', outbox, string.format('%d-0', number + 1), '+', 'COUNT', 1)
      if #first == 0 then return at end
      local fields = first[1][2]
      for k = 1, #fields, 2 do if fields[k] == 'o' then return math.min(tonumber(fields[k + 1]) or 0, at) end end
      return 0
    end
    local f = behind(acked)
    -- the mark was set back when the outbox had come to this number: smaller "o" stand behind larger ones
    for _, number in ipairs(redis.call('HKEYS', key .. ':rewinds')) do
      if acked >= tonumber(number) then redis.call('HDEL', key .. ':rewinds', number)
      else f = math.min(f, behind(tonumber(number))) end
    end
    local old = tonumber(redis.call('GET', key) or '0')
    if f > old then redis.call('SET', key, string.format('%d', f)) end
  end,
  rewind = function(i)
    local mark, to, fence, outbox = A[i], A[i + 1], A[i + 2], A[i + 3]
    if tonumber(redis.call('GET', mark) or '0') <= tonumber(to) then return end
    redis.call('SET', mark, to)
    redis.call('INCR', mark .. ':rewinds')
    if tonumber(redis.call('GET', fence) or '0') > tonumber(to) then redis.call('SET', fence, to) end
    redis.call('HSET', fence .. ':rewinds', redis.call('GET', outbox .. ':n') or '0', '1')
  end,
  lease = function(i)
    local owner = redis.call('GET', A[i])
    if not owner or owner == A[i + 1] then redis.call('SET', A[i], A[i + 1], 'PX', A[i + 2]) end
  end,
  release = function(i)
    if redis.call('GET', A[i]) == A[i + 1] then redis.call('DEL', A[i]) end
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
  if not form or not (form[1] == count or (form[1] == 0 and count >= 3 and count % 2 == 1) or
                      (form[1] == -1 and count >= 2) or (form[1] == -2 and count >= 2 and count % 2 == 0)) then
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
  op(i + 2, i + 1 + count)
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
