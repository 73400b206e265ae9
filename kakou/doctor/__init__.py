"""`kakou doctor`: is this box or centre fit to work? Looks, says what to do, and changes nothing."""
