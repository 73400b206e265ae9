"""From settings to parts; nothing else builds parts."""
