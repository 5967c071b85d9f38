-- facts, load, the sessions of its principals as JSON; the layout of the records; the last epoch of this process or "", and whether it was to drain then; MiB
-- of its principals as JSON; the mark of the cluster's secret or "".
-- {"epoch", N}, {"taken", ADDRESS}, {"newer", LAYOUT} or {"stranger"}.
local facts, load, principals = cjson.decode(ARGV[1]), cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local layout, id = tonumber(ARGV[4]), facts.id
local lastEpoch, wasToDrain, memoryMib, mark = tonumber(ARGV[5]), ARGV[6], decoded(ARGV[7]), ARGV[8] or ""

local found = tonumber(call("GET", "layout"))
if found and found > layout then return { "newer", whole(found) } end
call("SET", "layout", layout)

if mark ~= "" then
  if (call("GET", "mark") or mark) ~= mark then
    for _, other in ipairs(call("ZRANGEBYSCORE", "leased", "(" .. whole(now), "+inf", "LIMIT", 0, 2)) do
      if other ~= id then return { "stranger" } end
    end
  end
  call("SET", "mark", mark, "PX", 2 * dayMs)
end

tidy()
local row = call("HMGET", "node:" .. id, "address", "lease", "hasLeft", "startedAt", "epoch")
local isAlive = row[1] and row[3] ~= "1" and (tonumber(row[2]) or 0) > now
if isAlive and row[1] ~= facts.address then return { "taken", row[1] } end

-- Above all of before, also if the registry has lost what was before.
local epoch = whole(math.max((tonumber(call("GET", "epoch")) or 0) + 1, now))
call("SET", "epoch", epoch, "PX", 30 * dayMs)

while not uncount(id, 1000) do end
for _, field in ipairs(call("HKEYS", "node:" .. id)) do
  if string.sub(field, 1, 4) == "held" then call("HDEL", "node:" .. id, field) end
end
call("HSET", "node:" .. id, "id", id, "address", facts.address, "version", facts.version, "hostname", facts.hostname,
  "startedAt", whole(facts.startedAt), "epoch", epoch, "hasLeft", "0")
call("HDEL", "node:" .. id, "principalsAtMs")
-- What an operator wanted was wanted of that process, which tells it where it was lost here.
if lastEpoch and (tonumber(row[5]) or 0) < lastEpoch then
  call("HSET", "node:" .. id, "isToDrain", wasToDrain)
elseif row[4] ~= whole(facts.startedAt) then
  call("HSET", "node:" .. id, "isToDrain", "0")
end
call("HSET", "node:" .. id, "lease", whole(now + leaseMs))
tellLoad(id, load, "0")
for principal, sessions in pairs(principals) do tellOf(id, principal, sessions, memoryMib[principal] or 0) end
lease(id, now + leaseMs)
return { "epoch", epoch }
