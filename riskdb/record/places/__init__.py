"""Areas in words: the divisions of China down to the village, and how a person's words find one of them."""
