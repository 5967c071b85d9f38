-- The channel's message; an MCP session that it ends or "", how many of these are kept, and for how long in milliseconds.
local message, ended, most, keepMs = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if ended ~= "" then
  call("ZADD", "ended", whole(now), ended)
  call("ZREMRANGEBYSCORE", "ended", "-inf", whole(now - keepMs))
  call("ZREMRANGEBYRANK", "ended", 0, -most - 1)
  call("PEXPIRE", "ended", keepMs)
end
redis.call("PUBLISH", KEYS[1], message)
return 1
