"""Cases: their steps, who may take them, and what becomes of them."""
