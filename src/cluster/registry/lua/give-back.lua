-- The reservation.
endReservation(ARGV[1])
tidy()
return 1
