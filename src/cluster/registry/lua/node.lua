-- id. Its record, or false.
return recordOf(ARGV[1])
