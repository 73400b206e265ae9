"""Files that other people made, as sheets of text: one reader a format, none of them knows what a column means."""
