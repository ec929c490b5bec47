"""What the stages of a run call when they have work; loaded then, since models are heavy."""
