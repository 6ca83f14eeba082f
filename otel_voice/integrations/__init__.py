"""One file per runtime; none imports its runtime."""
