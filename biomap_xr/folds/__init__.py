"""What is held out together: spatial blocks, plots, and the roles of sites."""
