"""What is going on now: live changes, boxes, map, counts."""
