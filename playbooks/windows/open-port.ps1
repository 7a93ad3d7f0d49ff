# Opens the TCP port of the proxy service in Windows Firewall with one rule of our own, which follows the port when it
# changes. Argument: port. A second run changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$name = 'vbo-reconcile proxy'
$port = [int]$Arguments.port
$rule = Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue
if ($null -eq $rule) {
    $rule = New-NetFirewallRule -Name $name -DisplayName "Backup proxy service (vbo-reconcile)" -Direction Inbound `
        -Action Allow -Protocol TCP -LocalPort $port -Profile Any -Enabled True
} else {
    Set-NetFirewallRule -Name $name -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port -Profile Any `
        -Enabled True
}
[Console]::Out.WriteLine((@{ port = "$port open"; rule = $name } | ConvertTo-Json -Compress))
