"""Travel records as a stream: signed batches over HTTP, and a Kafka topic."""
