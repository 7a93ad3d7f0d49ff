# Opens the TCP port of the proxy service in Windows Firewall with a rule of our own for this port. The rule of an older
# port stays: the service listens there until the server has moved it. Argument: port. A second run changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$port = [int]$Arguments.port
$name = "vbo-reconcile proxy $port"
$rule = Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue
if ($null -eq $rule) {
    $rule = New-NetFirewallRule -Name $name -DisplayName "Backup proxy service $port (vbo-reconcile)" `
        -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port -Profile Any -Enabled True
} else {
    Set-NetFirewallRule -Name $name -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port -Profile Any `
        -Enabled True
}
[Console]::Out.WriteLine((@{ port = "$port open"; rule = $name } | ConvertTo-Json -Compress))
