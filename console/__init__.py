"""The command screen, the grid worker's phone page, and the cases behind both."""
