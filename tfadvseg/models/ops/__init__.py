"""Operations that networks are made of, tuned for the CPU."""
