"""CamVid road scenes as prepared for SegNet."""
