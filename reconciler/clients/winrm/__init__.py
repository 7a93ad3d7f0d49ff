"""WinRM: sessions with pywinrm over a transport with one deadline."""
