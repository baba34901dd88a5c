"""A little internet on loopback: root and TLD servers, a customer's name server, a resolver, CAs."""
