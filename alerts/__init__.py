"""Flagged events: kept on the box until they have arrived, streamed, and delivered to people.

events    FlaggedEvent and its CloudEvents envelope
outbox    the box's own durable queue (SQLite, fsynced)
relay     outbox -> stream, in order
stream    the event stream in Redis, read by consumer groups
worker    stream -> one channel, with retries and a dead letter
channels  webhook, group chats, MQTT, file, lane alert
delivery  all of it in one process: what `kakou deliver` runs
"""
