"""The OTLP processor that judges how a voice agent handled interruptions."""
