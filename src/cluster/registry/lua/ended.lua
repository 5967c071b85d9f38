-- How long they are kept in milliseconds. MCP sessions that were ended, the newest last.
return call("ZRANGEBYSCORE", "ended", whole(now - tonumber(ARGV[1])), "+inf")
