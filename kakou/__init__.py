"""The command line: reads settings, builds the parts, runs them."""
