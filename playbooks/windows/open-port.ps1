# Opens the TCP port of the proxy service in Windows Firewall with a rule of our own for this port. The rule of an older
# port stays: the service listens there until the server has moved it. From any address: the server and the other
# proxies connect to it, and where they come from is not known here; but only in the profiles of the networks that the
# host is in. Whether it is open then is a question for facts.ps1. Argument: port. A second run changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$port = [int]$Arguments.port
$name = "vbo-reconcile proxy $port"
$profiles = @(Get-NetConnectionProfile -ErrorAction SilentlyContinue |
        ForEach-Object { "$($_.NetworkCategory)" -replace 'DomainAuthenticated', 'Domain' } | Sort-Object -Unique)
if ($profiles.Count -eq 0) {
    $profiles = @('Any')
}
$rule = Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue
if ($null -eq $rule) {
    $rule = New-NetFirewallRule -Name $name -DisplayName "Backup proxy service $port (vbo-reconcile)" `
        -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port -Profile $profiles -Enabled True
} else {
    Set-NetFirewallRule -Name $name -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port `
        -Profile $profiles -Enabled True
}
[Console]::Out.WriteLine((@{ port = $port; rule = $name } | ConvertTo-Json -Compress))
