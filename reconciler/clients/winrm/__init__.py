"""WinRM: sessions through pywinrm, on a wire of our own with one deadline."""
