-- id, epoch. The lease ends now.
local id, epoch = ARGV[1], ARGV[2]
if call("HGET", "node:" .. id, "epoch") ~= epoch then return 0 end
call("HSET", "node:" .. id, "hasLeft", "1")
lease(id, now)
hide(id)
tidy()
return 1
