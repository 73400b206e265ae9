"""Flagged events: kept on the box until they have arrived, streamed, and delivered to people.

events    FlaggedEvent and its CloudEvents envelope
outbox    the box's own durable queue (SQLite, fsynced)
relay     outbox -> stream, in order
stream    the event stream in Redis, read by consumer groups
channels  webhook, group chats, MQTT, file, lane alert
deliver   stream -> channels, with retries and a dead letter
"""
