-- Refuses what a call does not have: a field in the body or in the query, or one twice, or a body that is not JSON
-- (RFC 8259).
--
-- The route says what the call has (filter_context). `types` gives each message's fields, by both of their names: "" for
-- a value, else the message that stands there; "*" for anything. The types "body" and "query" are what may stand there;
-- without "body" there is none.
-- It judges names only. Types of values are the transcoder's matter, limits and meaning the service's.

local MAX_DEPTH = 16
local text, at, types  -- of the request at hand: one at a time per worker, as nothing here waits

local value

local function fail(what, field)
  error({ what = what, field = field or "request" }, 0)
end

local function malformed()
  fail("the body is not JSON")
end

local function no_such(field)
  fail(field .. ": no such field", field)
end

local function twice(field)
  fail(field .. ": stands twice", field)
end

local function skip_space()
  at = string.find(text, "[^ \t\r\n]", at) or #text + 1
end

local function take(char)
  skip_space()
  if string.sub(text, at, at) ~= char then malformed() end
  at = at + 1
end

local function next_is(char)
  skip_space()
  return string.sub(text, at, at) == char
end

-- The raw text between the quotes.
local function quoted()
  take('"')
  local from = at
  while true do
    local stop = string.find(text, '["\\%c]', at)
    if not stop then malformed() end
    local char = string.sub(text, stop, stop)
    if char == '"' then
      at = stop + 1
      return string.sub(text, from, stop - 1)
    elseif char == "\\" then
      local escape = string.sub(text, stop + 1, stop + 1)
      if escape == "u" then
        if not string.find(text, "^%x%x%x%x", stop + 2) then malformed() end
        at = stop + 6
      elseif escape ~= "" and string.find('"\\/bfnrt', escape, 1, true) then
        at = stop + 2
      else
        malformed()
      end
    elseif char == "\127" then
      at = stop + 1
    else
      malformed()
    end
  end
end

local function object(type_name, path, depth)
  local fields = type_name ~= "*" and types[type_name]
  if type_name ~= "*" and not fields then fail(path .. ": not an object", path) end
  local seen = {}
  take("{")
  if next_is("}") then at = at + 1 return end
  while true do
    local key = quoted()
    local here = path == "" and key or path .. "." .. key
    local inner = "*"
    if fields then
      inner = fields[key]
      if not inner then no_such(here) end
      if seen[inner.name] then twice(here) end
      seen[inner.name] = true
      inner = inner.type
    end
    take(":")
    value(inner, here, depth + 1)
    skip_space()
    if next_is("}") then at = at + 1 return end
    take(",")
  end
end

local function array(type_name, path, depth)
  take("[")
  if next_is("]") then at = at + 1 return end
  local index = 0
  while true do
    value(type_name, path .. "[" .. index .. "]", depth + 1)
    index = index + 1
    if next_is("]") then at = at + 1 return end
    take(",")
  end
end

value = function(type_name, path, depth)
  if depth > MAX_DEPTH then fail("nested too deeply") end
  skip_space()
  local char = string.sub(text, at, at)
  if char == "{" then return object(type_name, path, depth) end
  if char == "[" then return array(type_name, path, depth) end
  if char == '"' then quoted() return end
  for _, word in ipairs({ "true", "false", "null" }) do
    if string.sub(text, at, at + #word - 1) == word then at = at + #word return end
  end
  local _, stop = string.find(text, "^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  if not stop then malformed() end
  at = stop + 1
end

local function check_query(path)
  local seen = {}
  for pair in string.gmatch(string.match(path, "%?(.*)$") or "", "[^&]+") do
    local key = string.match(pair, "^[^=]*")
    local field = types["query"][key]
    if not field then no_such(key) end
    if seen[field.name] and not field.many then twice(key) end
    seen[field.name] = true
  end
end

local function check_body()
  at = 1
  skip_space()
  if at > #text then return end  -- no body at all: the service says what it misses
  value("body", "", 1)
  skip_space()
  if at <= #text then malformed() end
end

-- The handle's objects are good for one stretch between two waits, so they are asked for behind the only one.
local function examine(handle)
  local body = handle:body()  -- waits for all of it
  local context = handle:filterContext()
  types = context and context:get("types")
  if not types then return end  -- a gRPC call, or none
  check_query(handle:headers():get(":path"))
  if not types["body"] then return end
  text = body and body:getBytes(0, body:length()) or ""
  check_body()
end

function envoy_on_request(handle)
  local ok, wrong = pcall(examine, handle)
  if ok then return end
  -- Also when this program itself has a fault: what was not examined does not pass.
  if type(wrong) ~= "table" then wrong = { what = "the body cannot be read", field = "request" } end
  handle:streamInfo():dynamicMetadata():set("stafett", "field", string.sub(wrong.field, 1, 200))
  handle:respond({ [":status"] = "400" }, string.sub(wrong.what, 1, 250))
end
