-- What all scripts share. The first argument of each is how long a lease lasts, in milliseconds; its own follow. KEYS[1] is the cluster, "{msb-mcp:NAME}": all its keys begin with it, so that they are in one slot of a Redis Cluster.
--
--   node:ID     hash: one node as it tells of itself, its lease, and what is reserved on it
--   known       sorted set: ids of all nodes, by the end of their lease; for a day after it
--   leased      sorted set: those whose sessions are still counted
--   open        nodes that take new sessions; a sorted set, as the next two, so that one can be drawn by its rank, each with the same chance
--   room:N      of these, the ones that have a place and N MiB free
--   ahead:KIND  of these, the ones with a free sandbox of "template/flavor" booted ahead
--   mark        derived from the secret of the nodes: another one has none of them to talk to
--   heard       when a node was last heard of, or all leases were prolonged for want of that
--   asked       when anything was last asked: until then, leases may have been told to be over
--   held        sorted set: reservations, by the time they end; heldOf, hash: what each one holds
--   of:NAME     hash: places of a principal by node, reserved ones included; "*" is their sum
--   told:ID     hash: sessions of a node, by principal, as it told them; pledged:ID: reserved ones
--   memoryOf:NAME, toldMemory:ID, pledgedMemory:ID   the same in MiB
--
-- A script of another version may know more fields: those that are not known here are left as they are.

if redis.replicate_commands then redis.replicate_commands() end -- before Redis 7, for what is written after TIME

local prefix = KEYS[1] .. ":"
local moment = redis.call("TIME")
local now = tonumber(moment[1]) * 1000 + math.floor(tonumber(moment[2]) / 1000)

local leaseMs = tonumber(table.remove(ARGV, 1))
local dayMs = 24 * 60 * 60 * 1000
local roomSizes = { 1024, 2048, 4096 }

local function call(command, key, ...) return redis.call(command, prefix .. key, ...) end
local function whole(number) return string.format("%.0f", number) end

-- While no node is heard, the registry was away from all (down, stopped, cut off) or its clock was set. So leases that nobody can have been told
-- to be over last on, and each node has the time to be heard again: the ones that lasted when anything was last asked.
local heard, asked = tonumber(call("GET", "heard")), tonumber(call("GET", "asked"))
if heard and (now - heard > leaseMs / 2 or heard - now > 1000) then
  -- Where the clock was set back, those that were over stay so.
  for _, id in ipairs(call("ZRANGEBYSCORE", "known", "(" .. whole(now), whole(asked or heard))) do
    call("HSET", "node:" .. id, "lease", whole(now))
    call("ZADD", "known", "XX", whole(now), id)
    call("ZADD", "leased", "XX", whole(now), id)
  end
  for _, id in ipairs(call("ZRANGEBYSCORE", "leased", "(" .. whole(asked or heard), "+inf")) do
    call("HSET", "node:" .. id, "lease", whole(now + leaseMs))
    call("ZADD", "leased", whole(now + leaseMs), id)
    call("ZADD", "known", whole(now + leaseMs), id)
  end
  call("SET", "heard", whole(now), "PX", 2 * dayMs)
  call("SET", "since", whole(now), "NX")
end
call("SET", "asked", whole(now), "PX", 2 * dayMs)

-- What a decision needs of a node; nil if it is not known.
local function loadOf(id)
  local row = call("HMGET", "node:" .. id, "epoch", "lease", "isDraining", "isToDrain", "hasLeft", "sessions", "maxSessions", "memoryMib",
    "maxMemoryMib", "waiting", "heldSessions", "heldMemoryMib", "shown")
  if not row[1] then return nil end
  local places = (tonumber(row[6]) or 0) + (tonumber(row[11]) or 0)
  local maxPlaces = tonumber(row[7]) or 0
  local memory = (tonumber(row[8]) or 0) + (tonumber(row[12]) or 0)
  local maxMemory = tonumber(row[9]) or math.huge
  local node = { id = id, epoch = row[1], lease = tonumber(row[2]) or 0, shown = row[13] or "" }
  node.isOpen = node.lease > now and row[3] ~= "1" and row[4] ~= "1" and row[5] ~= "1"
  node.hasPlace = places < maxPlaces
  node.freeMemory = maxMemory - memory
  node.freeShare = math.min(1 - places / math.max(maxPlaces, 1), 1 - memory / maxMemory)
  -- Those that wait, and those that are sent there though there is no place.
  node.waiting = (tonumber(row[10]) or 0) + math.max(0, places - maxPlaces)
  return node
end

local function isIn(key, id, is)
  if is then call("ZADD", key, 0, id) else call("ZREM", key, id) end
end

-- Puts a node where placement looks for it, or takes it from there: "shown" of its record says in which of the sets it is.
local function show(id)
  local node = loadOf(id)
  if not node then return nil end
  local sizes = 0
  if node.hasPlace then
    for i, size in ipairs(roomSizes) do
      if node.freeMemory >= size then sizes = i end
    end
  end
  local shown = node.isOpen and tostring(sizes) or ""
  if shown == node.shown then return node end
  isIn("open", id, node.isOpen)
  for i, size in ipairs(roomSizes) do isIn("room:" .. size, id, node.isOpen and i <= sizes) end
  call("HSET", "node:" .. id, "shown", shown)
  return node
end

local function decoded(json)
  local isJson, value = pcall(cjson.decode, json or "")
  return isJson and type(value) == "table" and value or {}
end

-- Free sandboxes of a kind that nobody has a reservation for.
local function aheadOf(id, kind)
  local row = call("HMGET", "node:" .. id, "ahead", "heldAhead:" .. kind)
  return (tonumber(decoded(row[1])[kind]) or 0) - (tonumber(row[2]) or 0)
end

local function showAhead(id, kind) isIn("ahead:" .. kind, id, aheadOf(id, kind) > 0) end

-- What is counted of a node, by principal, and the sums that it is part of.
local countsOfNode = { ["told:"] = "of:", ["pledged:"] = "of:", ["toldMemory:"] = "memoryOf:", ["pledgedMemory:"] = "memoryOf:" }

-- Adds to a count in a hash; none is kept that is not above 0.
local function count(key, field, by)
  if by ~= 0 and call("HINCRBY", key, field, by) <= 0 then call("HDEL", key, field) end
end

-- Adds to what a principal has: to its places ("of:") or their MiB ("memoryOf:"). What nobody tells of any more ends by itself: nodes tell again every
-- hour, also what has not changed.
local function countPrincipal(sum, principal, id, by)
  count(sum .. principal, id, by)
  count(sum .. principal, "*", by)
  call("PEXPIRE", sum .. principal, 2 * dayMs)
end

local function setTold(sum, told, id, principal, total)
  local before = tonumber(call("HGET", told .. id, principal)) or 0
  if total > 0 then call("HSET", told .. id, principal, total) else call("HDEL", told .. id, principal) end
  countPrincipal(sum, principal, id, total - before)
  return total - before
end

-- What a principal has on a node is now so many sessions of so many MiB together, and what is reserved there. How many sessions more that are.
local function tellOf(id, principal, sessions, memoryMib)
  setTold("memoryOf:", "toldMemory:", id, principal, memoryMib)
  return setTold("of:", "told:", id, principal, sessions)
end

-- Counts a reservation among what its principal has there, or takes it out (by: 1 or -1).
local function pledge(id, principal, memoryMib, by)
  count("pledged:" .. id, principal, by)
  countPrincipal("of:", principal, id, by)
  count("pledgedMemory:" .. id, principal, by * memoryMib)
  countPrincipal("memoryOf:", principal, id, by * memoryMib)
end

-- The reservation is over; what it held, or nil. What that changes is to be shown.
local function endReservation(reservation)
  local json = call("HGET", "heldOf", reservation)
  call("ZREM", "held", reservation)
  if not json then return nil end
  call("HDEL", "heldOf", reservation)
  local held = decoded(json)
  local node = "node:" .. held.node
  -- A node that was registered again since then holds nothing of before.
  if call("HGET", node, "epoch") ~= held.epoch then return nil end
  if held.kind then
    count(node, "heldAhead:" .. held.kind, -1)
    showAhead(held.node, held.kind)
  else
    count(node, "heldSessions", -1)
    count(node, "heldMemoryMib", -held.memoryMib)
  end
  -- Else it was taken out of the sums with all that was counted of the node.
  if call("HEXISTS", "pledged:" .. held.node, held.principal) == 1 then
    pledge(held.node, held.principal, held.memoryMib, -1)
  end
  return held
end

-- Takes what is counted of a node out of all sums, at most so many principals; true once nothing is left.
local function uncount(id, most)
  for key, sum in pairs(countsOfNode) do
    local row = call("HRANDFIELD", key .. id, most, "WITHVALUES")
    for i = 1, #row, 2 do
      countPrincipal(sum, row[i], id, -tonumber(row[i + 1]))
      call("HDEL", key .. id, row[i])
    end
    if call("EXISTS", key .. id) == 1 then return false end
  end
  return true
end

local function hide(id)
  show(id)
  for kind in pairs(decoded(call("HGET", "node:" .. id, "ahead"))) do call("ZREM", "ahead:" .. kind, id) end
end

-- Does a little of what time has made due, with every script that changes something.
local function tidy()
  for _, reservation in ipairs(call("ZRANGEBYSCORE", "held", "-inf", whole(now), "LIMIT", 0, 32)) do
    local held = endReservation(reservation)
    if held then show(held.node) end
  end
  for _, id in ipairs(call("ZRANGEBYSCORE", "leased", "-inf", whole(now), "LIMIT", 0, 2)) do
    hide(id)
    if uncount(id, 200) then call("ZREM", "leased", id) end
  end
  for _, id in ipairs(call("ZRANGEBYSCORE", "known", "-inf", whole(now - dayMs), "LIMIT", 0, 2)) do
    redis.call("DEL", prefix .. "node:" .. id)
    call("ZREM", "known", id)
  end
end

-- A node is heard of: its lease lasts until then. The keys of the node outlast it by a day, and those of the cluster the last node by two.
local function lease(id, untilMs)
  call("SET", "heard", whole(now), "PX", 2 * dayMs)
  call("SET", "since", whole(now), "NX")
  call("HSET", "node:" .. id, "lease", whole(untilMs))
  call("ZADD", "known", whole(untilMs), id)
  call("ZADD", "leased", whole(untilMs), id)
  call("PEXPIREAT", "node:" .. id, whole(untilMs + dayMs + 60000))
  for key in pairs(countsOfNode) do call("PEXPIREAT", key .. id, whole(untilMs + dayMs + 60000)) end
  for _, key in ipairs({ "known", "leased", "open", "held", "heldOf", "layout", "since", "mark" }) do call("PEXPIREAT", key, whole(untilMs + 2 * dayMs)) end
  for _, size in ipairs(roomSizes) do call("PEXPIREAT", "room:" .. size, whole(untilMs + 2 * dayMs)) end
end

-- Writes what a node tells of its load.
local function tellLoad(id, load, isDraining)
  local before = decoded(call("HGET", "node:" .. id, "ahead"))
  call("HSET", "node:" .. id, "sessions", load.sessions, "maxSessions", load.maxSessions, "memoryMib", load.memoryMib,
    "maxMemoryMib", load.maxMemoryMib or "", "waiting", load.waiting, "ahead", cjson.encode(load.ahead), "isDraining", isDraining)
  local node = show(id)
  for kind in pairs(before) do
    if not load.ahead[kind] then call("ZREM", "ahead:" .. kind, id) end
  end
  for kind in pairs(load.ahead) do
    isIn("ahead:" .. kind, id, node.isOpen and aheadOf(id, kind) > 0)
    call("PEXPIRE", "ahead:" .. kind, 2 * dayMs)
  end
end

-- The fields of a node's record, and how long its lease lasts; false if it is not known.
local function recordOf(id)
  local fields = call("HGETALL", "node:" .. id)
  if #fields == 0 then return false end
  local untilMs = tonumber(call("HGET", "node:" .. id, "lease")) or 0
  return { whole(untilMs - now), fields }
end
