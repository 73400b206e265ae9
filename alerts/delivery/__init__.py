"""From the event stream to the channels: who gets what, when it is tried again, what is waiting."""
