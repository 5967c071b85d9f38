-- The records of all nodes that are known.
local records = {}
for _, id in ipairs(call("ZRANGEBYSCORE", "known", whole(now - dayMs), "+inf")) do
  local record = recordOf(id)
  if record then records[#records + 1] = record end
end
return records
