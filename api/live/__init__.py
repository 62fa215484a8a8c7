"""A hall as it is being sold: its plan, its seats as bits, what has changed since, a stream."""
