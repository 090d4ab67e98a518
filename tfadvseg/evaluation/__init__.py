"""Streaming metrics, the EM challenge's metrics, tiled inference."""
