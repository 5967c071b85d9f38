-- principal. For how long nodes are known here; ids of nodes with a lease and its sessions there, in turns.
local found = {}
for _, id in ipairs(call("HKEYS", "of:" .. ARGV[1])) do
  local untilMs = id ~= "*" and tonumber(call("ZSCORE", "leased", id)) or 0
  local sessions = tonumber(call("HGET", "told:" .. id, ARGV[1])) or 0
  if untilMs > now and sessions > 0 then
    found[#found + 1] = id
    found[#found + 1] = sessions
  end
end
local since = tonumber(call("GET", "since")) or now
return { whole(math.max(0, now - since)), found }
