-- The reservation.
local held = endReservation(ARGV[1])
if held then show(held.node) end
tidy()
return 1
