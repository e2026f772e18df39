"""Training of networks with skorch, which nothing else imports."""
