"""What the people who write Lumo use, and Lumo itself does not."""
