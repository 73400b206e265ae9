"""`kakou install`: what systemd needs to run a box or a centre."""
