-- principal, "template/flavor", MiB, its limit or "", the reservation, how long it lasts in milliseconds.
-- The record of the node that is chosen, and how many places the principal has elsewhere; false if no node takes new sessions.
local principal, kind, memoryMib, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local reservation, holdMs = ARGV[5], tonumber(ARGV[6])
tidy()

-- How many nodes are looked at in one go, of however many there are.
local looked = 8

math.randomseed(tonumber(moment[1]) % 1000000 * 1000 + tonumber(moment[2])) -- else each run begins the same row of numbers

local function freer(a, b) return a.freeShare > b.freeShare end
local function lessBusy(a, b)
  if a.waiting ~= b.waiting then return a.waiting < b.waiting end
  return freer(a, b)
end

-- Of the nodes that `isFit`, the better one of the first `most` that come up among `ids`. Who takes no new sessions is taken from the set.
local function better(ids, most, isFit, isBetter, set)
  local best, fit = nil, 0
  for _, id in ipairs(ids) do
    local node = loadOf(id)
    if node and node.isOpen then
      if isFit(node) then
        fit = fit + 1
        if not best or isBetter(node, best) then best = node end
        if fit == most then break end
      end
    elseif set then
      show(id)
      call("SREM", set, id)
    end
  end
  return best
end

-- Out of a set: `most` at random, in several goes where those that came up are gone.
local function among(set, most, isFit, isBetter)
  for _ = 1, 4 do
    local ids = call("SRANDMEMBER", set, looked)
    if #ids == 0 then return nil end
    -- They come in an order of the server's.
    for i = #ids, 2, -1 do
      local j = math.random(i)
      ids[i], ids[j] = ids[j], ids[i]
    end
    local best = better(ids, most, isFit, isBetter, set)
    if best then return best end
  end
  return nil
end

local function hasRoom(node) return node.hasPlace and node.freeMemory >= memoryMib end
local function any() return true end

local total = tonumber(call("HGET", "of:" .. principal, "*")) or 0
local chosen, isAhead = nil, false
if limit and total >= limit then
  -- A session of its own has to end for it, or to be waited for: where there is one.
  chosen = better(call("HRANDFIELD", "of:" .. principal, looked * 2), looked * 2, any, lessBusy, nil)
end
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
if not chosen then chosen = among("open", looked, any, lessBusy) end
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
local own = tonumber(call("HGET", "of:" .. principal, id)) or 0
count("pledged:" .. id, principal, 1)
countPrincipal(principal, id, 1)
return { recordOf(id), total - own }
