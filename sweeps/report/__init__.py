"""One self-contained HTML file of a study; it draws what it is given and computes nothing."""
