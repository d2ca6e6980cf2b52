"""Receiving traces over TCP: docs/stream-protocol.md is normative."""
