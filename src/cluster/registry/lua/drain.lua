-- id, whether it is to drain. 1, or 0 if there is no such node.
local id, isToDrain = ARGV[1], ARGV[2]
if call("EXISTS", "node:" .. id) == 0 then return 0 end
call("HSET", "node:" .. id, "isToDrain", isToDrain)
show(id)
return 1
