"""One thin servicer per gRPC service: decode, hand over, encode."""
