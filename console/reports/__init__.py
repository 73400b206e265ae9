"""What is told of a span of time: trends, a shift, a month for the public, and sheets to take along."""
