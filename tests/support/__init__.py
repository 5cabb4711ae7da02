"""What several tests share: the loopback server and its back ends."""
