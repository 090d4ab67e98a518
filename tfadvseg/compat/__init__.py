"""What our dependencies need before they are imported."""
