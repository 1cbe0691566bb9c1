"""What joins domains: erasing a profile everywhere."""
