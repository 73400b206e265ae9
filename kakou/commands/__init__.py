"""One file a command; each reads its flags, builds its parts through `kakou.wiring`, and runs them."""
