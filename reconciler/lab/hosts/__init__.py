"""The hosts of the lab: Windows behind WS-Management, Linux behind SSH, and the proxy services on both."""
