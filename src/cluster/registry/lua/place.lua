-- principal, "template/flavor", MiB, its limit of sessions or "", the reservation, how long it lasts in milliseconds, the principal's limit of MiB or "", the
-- node where it waits for room under that reservation or "", the only node that it may be or "".
-- The record of the node that is chosen, and how many places and MiB the principal has elsewhere; false if no node takes new sessions.
local principal, kind, memoryMib, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local reservation, holdMs, memoryLimit, waitsAt, wanted = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], ARGV[9] or ""
tidy()
-- Else its own place would stand in its way.
local ended = waitsAt ~= "" and endReservation(reservation)
if ended then show(ended.node) end

-- How many nodes are looked at in one go, of however many there are.
local looked = 8

math.randomseed(tonumber(moment[1]) % 1000000 * 1000 + tonumber(moment[2])) -- else each run begins the same row of numbers

local function freer(a, b) return a.freeShare > b.freeShare end
local function lessBusy(a, b)
  if a.waiting ~= b.waiting then return a.waiting < b.waiting end
  return freer(a, b)
end

-- The best of the first `most` nodes that fit among those that `draw` brings. Who takes no new sessions is taken from the set.
local function best(draw, most, isFit, isBetter, set)
  local found, fit = nil, 0
  for id in draw do
    local node = loadOf(id)
    if node and node.isOpen then
      if isFit(node) then
        fit = fit + 1
        if not found or isBetter(node, found) then found = node end
        if fit == most then break end
      end
    elseif set then
      show(id)
      call("ZREM", set, id)
    end
  end
  return found
end

-- Of a small set all, in no order; of others so many at random, one of them perhaps twice.
local function drawn(set)
  local size = call("ZCARD", set)
  local at = 0
  if size > looked then
    return function()
      at = at + 1
      local rank = math.random(size) - 1
      return at <= looked and call("ZRANGE", set, rank, rank)[1] or nil
    end
  end
  local ids = call("ZRANGE", set, 0, -1)
  return function()
    at = at + 1
    if at > size then return nil end
    local other = math.random(at, size)
    ids[at], ids[other] = ids[other], ids[at]
    return ids[at]
  end
end

-- Out of a set, in several goes where those that were drawn are gone.
local function among(set, most, isFit, isBetter)
  for _ = 1, 4 do
    local found = best(drawn(set), most, isFit, isBetter, set)
    if found or call("ZCARD", set) == 0 then return found end
  end
  return nil
end

local function hasRoom(node) return node.hasPlace and node.freeMemory >= memoryMib end
local function any() return true end

local function of(sum, id) return tonumber(call("HGET", sum .. principal, id)) or 0 end
local sessions, memory = of("of:", "*"), of("memoryOf:", "*")
local tooMuch = memoryLimit and memory + memoryMib - memoryLimit or 0
local isAtLimit = limit and sessions >= limit or tooMuch > 0
local waiting = waitsAt ~= "" and loadOf(waitsAt) or nil
if waiting and not waiting.isOpen then waiting = nil end
local chosen, isAhead = nil, false
if wanted ~= "" then
  chosen = loadOf(wanted)
  if not chosen or not chosen.isOpen then return false end
  isAhead = aheadOf(wanted, kind) > 0
elseif isAtLimit and waiting then
  chosen = waiting
elseif isAtLimit then
  -- Sessions of its own have to end for it, or to be waited for: where there are enough.
  local ids = call("HRANDFIELD", "of:" .. principal, looked * 2)
  local at = 0
  local function draw()
    at = at + 1
    return ids[at]
  end
  chosen = best(draw, #ids, function(node) return of("memoryOf:", node.id) >= tooMuch end, lessBusy, nil)
  at = 0
  if not chosen then chosen = best(draw, #ids, any, lessBusy, nil) end
end
if not chosen and waiting and hasRoom(waiting) then chosen = waiting end
if not chosen then
  local ready = "ahead:" .. kind
  chosen = among(ready, 2, function(node) return aheadOf(node.id, kind) > 0 end, freer)
  isAhead = chosen ~= nil
end
if not chosen then
  local size = roomSizes[#roomSizes]
  for i = #roomSizes, 1, -1 do
    if roomSizes[i] >= memoryMib then size = roomSizes[i] end
  end
  chosen = among("room:" .. size, 2, hasRoom, freer)
end
if not chosen then chosen = waiting or among("open", looked, any, lessBusy) end
if not chosen then return false end

local id = chosen.id
local held = { node = id, epoch = chosen.epoch, principal = principal, memoryMib = memoryMib }
if isAhead then
  held.kind = kind
  call("HINCRBY", "node:" .. id, "heldAhead:" .. kind, 1)
  showAhead(id, kind)
else
  call("HINCRBY", "node:" .. id, "heldSessions", 1)
  call("HINCRBY", "node:" .. id, "heldMemoryMib", memoryMib)
  show(id)
end
call("ZADD", "held", whole(now + holdMs), reservation)
call("HSET", "heldOf", reservation, cjson.encode(held))
local elsewhere, memoryElsewhere = sessions - of("of:", id), memory - of("memoryOf:", id)
pledge(id, principal, memoryMib, 1)
return { recordOf(id), elsewhere, memoryElsewhere }
