"""The console over HTTP: pages, the live stream, the phone, the API."""
