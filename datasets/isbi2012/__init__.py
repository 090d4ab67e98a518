"""ISBI 2012 electron-microscopy segmentation challenge."""
