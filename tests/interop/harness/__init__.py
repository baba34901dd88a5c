"""A little internet on loopback: root and TLD servers, a user's name server, a resolver, CAs."""
