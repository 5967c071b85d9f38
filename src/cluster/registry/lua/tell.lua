-- id, epoch, principal, its sessions there, the reservation that became one of them or "", MiB of its sessions. 1, or 0 where that registration does not count
-- any more.
local id, epoch, principal, sessions, reservation = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local held = nil
if reservation ~= "" then held = endReservation(reservation) end
local node = "node:" .. id
local isTold = call("HGET", node, "epoch") == epoch and call("ZSCORE", "leased", id)
if isTold then
  local more = tellOf(id, principal, sessions, tonumber(ARGV[6]) or 0)
  -- Until the node tells its whole load the next time.
  if held and held.node == id and more > 0 then
    if held.kind then
      local ahead = decoded(call("HGET", node, "ahead"))
      ahead[held.kind] = math.max(0, (tonumber(ahead[held.kind]) or 0) - 1)
      call("HSET", node, "ahead", cjson.encode(ahead))
      showAhead(id, held.kind)
    else
      call("HINCRBY", node, "memoryMib", held.memoryMib)
      call("HINCRBY", node, "sessions", more)
    end
  elseif more ~= 0 then
    count(node, "sessions", more)
  end
end
show(id)
if held and held.node ~= id then show(held.node) end
tidy()
return isTold and 1 or 0
