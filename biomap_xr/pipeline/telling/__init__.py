"""What a finished run says, read from its workspace alone."""
