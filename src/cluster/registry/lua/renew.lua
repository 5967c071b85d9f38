-- id, epoch, load as JSON, whether it drains, the sessions of all its principals as JSON or "", when its process was started, MiB of all its principals as JSON
-- or "", when these principals were so by its own clock or "". The outcome, whether it is to drain, and id, address and epoch of some other nodes in turns.
local id, epoch, load, isDraining = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), ARGV[4]
tidy()
local row = call("HMGET", "node:" .. id, "epoch", "lease", "hasLeft", "isToDrain", "startedAt")
local isToDrain = row[4] == "1" and "1" or "0"
local found = tonumber(row[1])
-- A registry that was set back to an older copy of itself has lost the record as well.
if not found or found < tonumber(epoch) then return { "unknown", isToDrain } end
local isLater = found > tonumber(epoch)
if isLater and row[5] ~= ARGV[6] then return { "replaced", isToDrain } end
if row[3] == "1" or (tonumber(row[2]) or 0) <= now then return { "over", isToDrain } end
-- One process, whose last registration was carried out and whose answer was not heard: nobody has taken its place.
if isLater then return { "unknown", isToDrain } end
call("HSET", "node:" .. id, "lease", whole(now + leaseMs))
tellLoad(id, load, isDraining)
local atMs, lastMs = tonumber(ARGV[8]), tonumber(call("HGET", "node:" .. id, "principalsAtMs"))
if ARGV[5] ~= "" and not (atMs and lastMs and atMs < lastMs) then
  call("HSET", "node:" .. id, "principalsAtMs", ARGV[8] or "")
  local principals, memoryMib = cjson.decode(ARGV[5]), decoded(ARGV[7])
  for _, principal in ipairs(call("HKEYS", "told:" .. id)) do
    if not principals[principal] then tellOf(id, principal, 0, 0) end
  end
  for principal, sessions in pairs(principals) do tellOf(id, principal, sessions, memoryMib[principal] or 0) end
end
lease(id, now + leaseMs)
local peers = {}
for _, other in ipairs(call("ZRANDMEMBER", "leased", 6)) do
  local its = call("HMGET", "node:" .. other, "lease", "address", "epoch")
  if other ~= id and (tonumber(its[1]) or 0) > now then
    peers[#peers + 1] = other
    peers[#peers + 1] = its[2]
    peers[#peers + 1] = its[3]
  end
end
return { "renewed", isToDrain, peers }
