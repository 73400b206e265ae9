"""Flagged events: kept on the box until they have arrived, streamed, and delivered to people.

envelope  what every event travels in: CloudEvents, a deterministic id
kinds     the table of kinds; one file each: flagged
outbox    the box's own durable queue (SQLite, fsynced)
relay     outbox -> stream, in order
stream    the event stream in Redis, read by consumer groups
worker    stream -> one channel, with retries and a dead letter
channels  webhook, group chats, MQTT, file, lane alert
delivery  all of it in one process: what `kakou deliver` runs
"""
